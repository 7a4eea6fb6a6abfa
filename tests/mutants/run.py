# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""Builds the library with one change at a time, and runs the tests."""

import collections
import glob
import os
import re
import resource
import signal
import subprocess
import sys

import changes
from build import SHARED, Build

# The programs that have tests of a file: the first that matches counts.
PROGRAMS = [
    ('lib/abi.c', ['abi', 'probe']),
    ('lib/call.h', ['abi', 'queue']),
    ('lib/deadline.h', ['queue', 'libaio-inside']),
    ('lib/environment.h', ['queue', 'libaio-inside']),
    ('lib/ffi.c', ['abi-ffi']),
    ('lib/libaio/', ['fuzz-ring', 'libaio-inside', 'libaio']),
    ('lib/probe/', ['probe']),
    ('lib/transfer/', ['fuzz-queue', 'transfer']),
    ('lib/', ['fuzz-queue', 'queue', 'transfer']),
]
# On a simulated kernel, which is quick: they find most.
FUZZERS = ['fuzz-queue', 'fuzz-ring']
FUZZ_RUNS = 3000
# Seconds: how long a test may take at least, and a suite that is run.
HANG = 10
SLOW = 20
# How many times as long a test may take that was too slow.
AGAIN = 6
DIR, SOURCE = sys.argv[1:3]


def programs(file):
    names = next(names for start, names in PROGRAMS if file.startswith(start))
    return [name if name in FUZZERS else 'test-' + name for name in names]


def hangs(*_):
    raise TimeoutError


def fails(command, env, seconds=300):
    """How the first test failed; None if all pass."""
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors='replace',
        start_new_session=True)
    signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        for line in process.stdout:
            if line.startswith(('not ok', 'fuzz:')):
                return line.strip()[:200]
        code = process.wait()
        return None if code in (0, 77) else f'exit {code}'
    except TimeoutError:
        return 'hangs'
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # Of Check, whose tests are in groups of their own.
        if process.poll() is None:
            subprocess.run(['pkill', '-KILL', '-s', str(process.pid)],
                           check=False)
            process.wait()


class Tests:
    """Suites; that which found something is the first the next time."""

    def __init__(self):
        self.suites, self.timeouts = {}, {}

    def find(self, program):
        """What it has, with the quick ones first; and they must all pass."""
        if program in FUZZERS:
            how = self.fail(program)
            if how:
                sys.exit(f'{program}: {how}')
            return
        log = f'{program}.xml'
        env = {**os.environ, 'CK_XML_LOG_FILE_NAME': log, 'srcdir': SOURCE}
        done = subprocess.run([f'./{program}'], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(done.stdout)
        took, longest = {}, {}
        for suite in re.findall('<suite>.*?</suite>', open(log).read(), re.S):
            name = re.search('<title>(.*?)</title>', suite)[1]
            seconds = [max(0, float(text)) for text in
                       re.findall('<duration>(.*?)</duration>', suite)]
            took[name], longest[name] = sum(seconds), max(seconds)
        print(f'{program}: {len(took)} suites, {sum(took.values()):.1f} s',
              flush=True)
        self.suites[program] = [suite for suite in sorted(took, key=took.get)
                                if took[suite] < SLOW]
        for name, seconds in longest.items():
            self.timeouts[name] = max(HANG, 4 * seconds)

    def suite_fails(self, program, name, times=1):
        return fails([f'./{program}'], {
            'CK_TAP_LOG_FILE_NAME': '-', 'CK_VERBOSITY': 'silent',
            'CK_RUN_SUITE': name, 'srcdir': SOURCE,
            # Of Check, times the 120 s that the harness sets.
            'CK_TIMEOUT_MULTIPLIER': str(self.timeouts[name] * times / 120),
        }, 300 * times)

    def fail(self, program):
        """The first test that fails, or None."""
        if program in FUZZERS:
            corpus = f'{SOURCE}/tests/fuzz/corpus/{program[5:]}'
            inputs = sorted(glob.glob(corpus + '/*'))
            return fails([f'./{program}', str(FUZZ_RUNS // len(inputs)),
                          *inputs], {}, 60)
        names = self.suites[program]
        for name in names:
            how = self.suite_fails(program, name)
            # The machine may have other things to do.
            if how and 'timeout expired' in how:
                how = self.suite_fails(program, name, AGAIN)
            if how:
                names.insert(0, names.pop(names.index(name)))
                return f'{name}: {how}'
        return None


def known():
    """Those in the file of equivalent ones."""
    lines = open(f'{SOURCE}/tests/mutants/equivalent').read().splitlines()
    return {line for line in lines if line.startswith('lib/')}


def read(name):
    with open(name, 'rb') as file:
        return file.read()


class Run:
    def __init__(self, goals):
        self.build, self.tests = Build(), Tests()
        self.build.make_all(goals)
        for program in goals:
            self.tests.find(program)
        self.known = known()

    def make(self, target):
        done = self.build.make(target)
        if done.returncode:
            raise ValueError(done.stdout)

    def program_fails(self, program, change, old):
        """What went wrong; None if nothing did. Keeps objects in old."""
        changed = False
        for target in self.build.concerned(change.file, program):
            if target not in old:
                old[target] = read(target)
                self.make(target)
            changed |= read(target) != old[target]
        if not changed:
            return None
        self.differs = True
        for target in (SHARED, program):
            if target == program or SHARED in self.build.links[program]:
                self.make(target)
        if change.kind == 'barrier':
            return None
        how = self.tests.fail(program)
        return how and f'{program}: {how}'

    def outcome(self, change):
        original = read(change.file)
        with open(change.file, 'w') as file:
            file.write(change.result)
        self.differs, old = False, {}
        try:
            for program in programs(change.file):
                how = self.program_fails(program, change, old)
                if how:
                    return 'caught', how
        except ValueError as error:
            return 'invalid', str(error).splitlines()[0]
        finally:
            with open(change.file, 'wb') as file:
                file.write(original)
            for target, before in old.items():
                with open(target, 'wb') as file:
                    file.write(before)
        if not self.differs:
            return 'equivalent', 'the same object'
        if change.kind == 'barrier':
            return 'equivalent', 'for the models'
        return 'survivor', ''


def main():
    os.chdir(DIR)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    amount = int(sys.argv[3]) if len(sys.argv) > 3 else sys.maxsize
    word = sys.argv[4] if len(sys.argv) > 4 else ''
    names = sorted(glob.glob('lib/**/*.[ch]', recursive=True))
    every = [change for name in names
             for change in changes.of_file(name, open(name).read())]
    for line in known() - {str(change) for change in every}:
        print(f'stale entry: {line}')
    some = sorted(every, key=changes.Change.order)[:amount]
    some = [change for change in some if re.search(word, str(change))]
    run = Run(sorted({program for change in some
                      for program in programs(change.file)}))
    files = collections.defaultdict(collections.Counter)
    for number, change in enumerate(some, 1):
        if str(change) in run.known:
            outcome, how = 'equivalent', 'listed'
        else:
            outcome, how = run.outcome(change)
        files[change.file][outcome] += 1
        print(f'{number}/{len(some)} {outcome}: {change} [{how}]', flush=True)
    print(f'of {len(every)}')
    print('| file | tried | caught | equivalent | survivors |')
    print('| --- | --- | --- | --- | --- |')
    files['all'] = sum(files.values(), collections.Counter())
    for file, found in files.items():
        tried = sum(found.values()) - found['invalid']
        print(f'| `{file}` | {tried} | {found["caught"]} | '
              f'{found["equivalent"]} | {found["survivor"]} |')
    return 1 if files['all']['survivor'] else 0


sys.exit(main())
