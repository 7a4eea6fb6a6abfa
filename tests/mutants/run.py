# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""Builds the library with one change at a time, and runs the tests."""

import collections
import glob
import os
import re
import resource
import shlex
import signal
import subprocess
import sys

import changes

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
    ('lib/', ['fuzz-queue', 'queue', *os.environ.get('MUTANTS_MORE', 'transfer').split()]),
]
# On a simulated kernel, which is quick: they find most.
FUZZERS = {'fuzz-queue': 20000, 'fuzz-ring': 20000}
LIBRARY = 'lib', 'dropin', 'shared', 'seam-queue', 'seam-ring'
# Seconds: how long a test may take at least, and a suite that is run.
HANG = float(os.environ.get('MUTANTS_HANG', '10'))
SLOW = float(os.environ.get('MUTANTS_SLOW', '20'))
SHARED = 'so/libaio.so.1'
DIR, SOURCE = sys.argv[1:3]


def programs(file):
    names = next(names for start, names in PROGRAMS if file.startswith(start))
    return [name if name in FUZZERS else 'test-' + name for name in names]


def variables():
    """Those of Makefile.am."""
    text = open('Makefile.am').read().replace('\\\n', ' ')
    found = dict(re.findall(r'^(\w+) = (.*)$', text, flags=re.M))
    return {name: shlex.split(value) for name, value in found.items()}


def pkg_config(what):
    return subprocess.check_output(['pkg-config', what, 'check'],
                                   text=True).split()


def sources(names):
    return [name for name in names if name.endswith('.c')]


class Build:
    """The objects and the programs, which are all linked statically."""

    def __init__(self):
        self.commands, self.links, self.needs = {}, {}, {}
        make = variables()
        flags = [os.environ['CC'], '-std=gnu11', '-O1', '-w', '-pthread',
                 '-fvisibility=hidden', '-D_GNU_SOURCE', '-Iinclude', '-Ilib']
        test = flags + ['-Itests/harness', *pkg_config('--cflags')]
        libaio = test + ['-Iinclude/kaio-libaio', f'-DLIBAIO_DIR="{os.getcwd()}/so"']
        wraps = make['AM_LDFLAGS']
        library = self.objects('lib', make['lib_libkaio_objects_la_SOURCES'],
                               flags + ['-fexceptions'])
        dropin = self.objects('dropin', make['libaio_sources'], flags)
        shared = self.objects('shared', make['libaio_sources'], flags +
                              ['-fPIC', '-DPIC', '-DSYMBOL_VERSIONS'])
        harness = self.objects(
            'harness', make['tests_libharness_la_SOURCES'], test)
        # For the programs that need some of it.
        self.links['harness.a'] = harness
        self.commands['harness.a'] = ['ar', 'rcs', 'harness.a', *harness]
        self.link(SHARED, shared, ['-shared', '-Wl,-soname,libaio.so.1',
                  '-Wl,-z,nodelete', '-Wl,--version-script=lib/libaio/libaio.map'])
        for name in ('abi', 'abi-ffi', 'probe', 'queue', 'transfer',
                     'libaio-inside', 'libaio'):
            these = make[f'tests_test_{name.replace("-", "_")}_SOURCES']
            extra = {'abi-ffi': ['-fno-inline', '-DKAIO_INLINE=extern inline '
                                 '__attribute__((__gnu_inline__))']}
            own = self.objects(name, these, (test if name in (
                'abi', 'abi-ffi', 'probe', 'queue', 'transfer') else libaio) +
                extra.get(name, []))
            if name == 'libaio':
                self.link('test-libaio', own + ['harness.a', SHARED], [
                    '-Wl,-rpath,' + os.path.abspath('so'),
                    *pkg_config('--libs')])
                continue
            more = dropin if name == 'libaio-inside' else []
            self.link('test-' + name, own + ['harness.a'] + more + library, [
                *wraps, *pkg_config('--libs')])

        self.fuzzer('queue', 'seam.h', [
            'lib/abi.c', *glob.glob('lib/queue/*.c'),
            *glob.glob('lib/transfer/*.c')],
            'queue plain requests transfers model kernel calls seam', flags)
        self.fuzzer('ring', 'hostile.h', [
            'lib/libaio/abi.c', 'lib/libaio/collect.c',
            'lib/libaio/registry.c'], 'ring', flags)

    def fuzzer(self, name, seam, names, files, flags):
        library = self.objects('seam-' + name, sorted(names), flags +
                               ['-include', 'tests/fuzz/' + seam])
        files = [f'tests/fuzz/{file}.c' for file in files.split()]
        own = self.objects('fuzz-' + name + '-own',
                           [*files, 'tests/mutants/replay.c'], flags)
        self.link('fuzz-' + name, own + library, [])

    def objects(self, folder, names, flags):
        os.makedirs(folder + '.o', exist_ok=True)
        made = []
        for name in sources(names):
            made.append(f'{folder}.o/{name.replace("/", "-")[:-2]}.o')
            self.commands[made[-1]] = flags + ['-c', name, '-o', made[-1]]
        return made

    def link(self, program, objects, flags):
        self.links[program] = objects
        self.commands[program] = [os.environ['CC'], '-pthread', '-o', program,
                                  *objects, *flags]

    def make(self, target):
        return subprocess.run(self.commands[target], text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)

    def make_all(self):
        os.makedirs('so', exist_ok=True)
        for name in ('so/libaio.so', SHARED + 't64'):
            if not os.path.lexists(name):
                os.symlink('libaio.so.1', name)
        for target, command in self.commands.items():
            if target.endswith('.o'):
                command[1:1] = ['-MMD', '-MF', target + '.d']
            if not os.path.exists(target):
                done = self.make(target)
                if done.returncode:
                    sys.exit(done.stdout)
            if target.endswith('.o'):
                needs = open(target + '.d').read().replace('\\\n', ' ')
                self.needs[target] = needs.split(':', 1)[1].split()
                del command[1:4]

    def concerned(self, file, program):
        """The objects of the library in a program that are made of a file."""
        objects = self.links[program]
        if SHARED in objects:
            objects = self.links[SHARED]
        return [target for target in objects
                if file in self.needs.get(target, ())
                and target.split('.')[0] in LIBRARY]


def hangs(*_):
    raise TimeoutError


def fails(command, env):
    """How the first test failed; None if all pass."""
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors='replace',
        start_new_session=True)
    signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, 300)
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
    """Suites of programs; that which found something is the first next time."""

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
        done = None if os.path.exists(log) else \
            subprocess.run([f'./{program}'], env=env, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done and done.returncode:
            os.unlink(log)
            sys.exit(done.stdout)
        took, longest = collections.Counter(), collections.Counter()
        for line in open(log):
            text = re.sub('<[^>]*>', '', line).strip()
            if '<title>' in line:
                suite = text
            if '<duration>' in line:
                took[suite] += max(0, float(text))
                longest[suite] = max(longest[suite], float(text))
        print(f'{program}: {len(took)} suites, {sum(took.values()):.1f} s',
              flush=True)
        self.suites[program] = [suite for suite in sorted(took, key=took.get)
                                if took[suite] < SLOW]
        for suite, seconds in longest.items():
            self.timeouts[suite] = max(HANG, 4 * seconds)

    def fail(self, program):
        """The first test that fails, or None."""
        if program in FUZZERS:
            corpus = f'{SOURCE}/tests/fuzz/corpus/{program[5:]}'
            return fails([f'./{program}', str(FUZZERS[program]),
                          *sorted(glob.glob(corpus + '/*'))], {})
        env = {'CK_TAP_LOG_FILE_NAME': '-', 'CK_VERBOSITY': 'silent',
               'srcdir': SOURCE}
        names = self.suites[program]
        for name in names:
            env['CK_RUN_SUITE'] = name
            # Of Check, times the 120 s that the harness sets.
            env['CK_TIMEOUT_MULTIPLIER'] = str(self.timeouts[name] / 120)
            how = fails([f'./{program}'], env)
            if how:
                names.insert(0, names.pop(names.index(name)))
                return f'{name}: {how}'
        return None


def known():
    """Those in the file of equivalent ones, and whether they were used."""
    lines = open(f'{SOURCE}/tests/mutants/equivalent').read().splitlines()
    return {line for line in lines if line.startswith('lib/')}


def read(name):
    with open(name, 'rb') as file:
        return file.read()


class Run:
    def __init__(self):
        self.build, self.tests = Build(), Tests()
        self.build.make_all()
        self.known = known()

    def program_fails(self, program, change, old):
        """What went wrong; None if nothing did. Keeps objects in old."""
        changed = False
        for target in self.build.concerned(change.file, program):
            before = old[target] = read(target)
            done = self.build.make(target)
            if done.returncode:
                raise ValueError(done.stdout)
            changed |= read(target) != before
        if not changed:
            return None
        self.differs = True
        for target in (SHARED, program):
            if target == program or SHARED in self.build.links[program]:
                done = self.build.make(target)
                if done.returncode:
                    raise ValueError(done.stdout)
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
    every = [change for name in sorted(glob.glob('lib/**/*.[ch]', recursive=True))
             for change in changes.of_file(name, open(name).read())]
    some = sorted(every, key=changes.Change.order)[:amount]
    some = [change for change in some if word in str(change)]
    run = Run()
    for program in sorted({name for change in some
                           for name in programs(change.file)}):
        run.tests.find(program)
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
