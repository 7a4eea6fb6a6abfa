# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""The small changes that can be made to a C file."""

import hashlib
import re

# What the code is, and what it is changed to.
SWAPS = [
    ('comparison', r' < ', [' <= ']),
    ('comparison', r' > ', [' >= ']),
    ('comparison', r' <= ', [' < ']),
    ('comparison', r' >= ', [' > ']),
    ('comparison', r' == ', [' != ']),
    ('comparison', r' != ', [' == ']),
    ('and-or', r' && ', [' || ']),
    ('and-or', r'(?<=\S) \|\| ', [' && ']),
    ('negation', r'!(?=[\w(*!])', ['']),
    ('off by one', r'(?<=[\w)\]]) \+ 1\b', ['']),
    ('off by one', r'(?<=[\w)\]]) - 1\b', ['']),
    ('off by one', r'(?<=[=(,?:] )0(?=[;,)\s])', ['1']),
    ('off by one', r'(?<=return )[01](?=;)', ['2']),
    ('sum', r'(?<=[\w)\]]) \+ (?!1\b)', [' - ']),
    ('sum', r'(?<=[\w)\]]) - (?!1\b)', [' + ']),
    ('sum', r' \+= ', [' -= ', ' = ']),
    ('sum', r' -= ', [' += ']),
    ('sum', r'\+\+', ['--']),
    ('sum', r'--', ['++']),
    ('truth', r'\btrue\b', ['false']),
    ('truth', r'\bfalse\b', ['true']),
    ('errno', r'-E(?!IO\b)[A-Z]+\b', ['-EIO']),
    ('barrier', r'__ATOMIC_(ACQUIRE|RELEASE|ACQ_REL)\b', ['__ATOMIC_RELAXED']),
]
STATEMENT = re.compile(
    r'(?<=[;{}:)])(\s*\n\t+)((?!return\b|if\b|else\b|for\b|while\b|do\b|'
    r'case\b|default\b|goto\b|break\b|continue\b|struct\b|const\b|'
    r'unsigned\b|int\b|'
    r'bool\b|char\b|long\b|u?int\d+_t\b|size_t\b|switch\b|static\b|'
    r'[a-z_ ]+\**[a-z_]+(?: = [^;]*)?;)[\w*(+-][^;{}]*;)')
CONDITION = re.compile(r'\b(if|while) \(')


def blank(text):
    """The same without comments, strings, macros: spaces in their place."""
    def spaces(match):
        return re.sub(r'[^\n]', ' ', match.group())
    text = re.sub(r'/\*.*?\*/', spaces, text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', spaces, text)
    return re.sub(r'^#(?:.*\\\n)*.*', spaces, text, flags=re.M)


def bodies(code):
    """Functions, by name: from { to } at the beginning of lines."""
    for match in re.finditer(r'^\{\n.*?^\}$', code, flags=re.M | re.S):
        head = re.split(r'\n\s*\n|[;}]', code[:match.start()])[-1]
        names = re.findall(r'\b(?!__attribute__)(\w+)\s?\((?!\()', head)
        yield names[0], match.span()


def closing(code, start):
    """Where the parenthesis at start is closed."""
    depth = 0
    for place in range(start, len(code)):
        depth += {'(': 1, ')': -1}.get(code[place], 0)
        if depth == 0:
            return place
    raise ValueError(start)


class Change:
    """One of them, named by its function and the text of its line."""

    def __init__(self, where, text, start, end, new, kind):
        self.file, self.kind = where[0], kind
        self.where = ' '.join(where)
        self.result = text[:start] + new + text[end:]
        self.number = text.count('\n', 0, start) + 1
        first = text.rfind('\n', 0, start) + 1
        last = text.find('\n', end)
        self.old = ' '.join(text[first:last].split())
        self.new = ' '.join((text[first:start] + new + text[end:last]).split())

    def __str__(self):
        return f'{self.where}: {self.old} => {self.new}'

    def order(self):
        return hashlib.sha1(str(self).encode()).hexdigest()


def in_body(where, text, code, start, end):
    for match in CONDITION.finditer(code, start, end):
        paren = match.end() - 1
        close = closing(code, paren)
        whole = text[paren:close + 1]
        # Else it is the same as a change below.
        if re.search(r'&&|\|\|', whole) or not re.search('!| == ', whole):
            yield Change(where, text, paren, close + 1, f'(!{whole})',
                         'condition')
        yield Change(where, text, paren, close + 1, f'(0 && {whole})',
                     'branch')
    statements = []
    for match in STATEMENT.finditer(code, start, end):
        span = match.span(2)
        yield Change(where, text, *span, ';', 'statement')
        before = statements[-1] if statements else None
        # Of two assignments the order is mostly of no account.
        if before and not code[before[1]:span[0]].strip() and \
                len(match.group(1)) == before[2] and \
                re.search(r'\w\(', code[before[0]:span[1]]):
            yield Change(where, text, before[0], span[1],
                         text[span[0]:span[1]] + text[before[1]:span[0]] +
                         text[before[0]:before[1]], 'order')
        statements.append((*span, len(match.group(1))))
    for kind, pattern, replacements in SWAPS:
        for match in re.compile(pattern).finditer(code, start, end):
            for new in replacements:
                yield Change(where, text, *match.span(), new, kind)


def of_file(file, text):
    """All of a file, each once: on equal lines of a function as one."""
    code = blank(text)
    found = {}
    for name, span in bodies(code):
        for change in in_body((file, name), text, code, *span):
            found.setdefault(str(change), change)
    return list(found.values())
