# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""The programs that the tests are, built in the current folder."""

import glob
import os
import re
import shlex
import subprocess
import sys

SHARED = 'so/libaio.so.1'
# The folders of the library's objects, which is compiled in several ways; and of
# a test that includes some of it.
LIBRARY = ('lib', 'dropin', 'shared', 'seam-queue', 'seam-ring',
           'libaio-inside')


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
    """What each object and program is made of, and by which command."""

    def __init__(self):
        self.commands, self.links, self.needs = {}, {}, {}
        make = variables()
        flags = [os.environ['CC'], '-std=gnu11', '-O1', '-w', '-pthread',
                 '-fvisibility=hidden', '-D_GNU_SOURCE', '-Iinclude', '-Ilib']
        test = flags + ['-Itests/harness', *pkg_config('--cflags')]
        libaio = test + ['-Iinclude/kaio-libaio',
                         f'-DLIBAIO_DIR="{os.getcwd()}/so"']
        wraps = make['FAULTS_LDFLAGS']
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
        self.link(SHARED, shared, [
            '-shared', '-Wl,-soname,libaio.so.1', '-Wl,-z,nodelete',
            '-Wl,--version-script=lib/libaio/libaio.map'])
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
                           [*files, 'tests/fuzz/replay.c'], flags)
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

    def make_all(self, goals):
        """These programs, and what they are made of."""
        wanted = list(goals)
        for target in wanted:
            wanted += self.links.get(target, ())
        os.makedirs('so', exist_ok=True)
        for name in ('so/libaio.so', SHARED + 't64'):
            if not os.path.lexists(name):
                os.symlink('libaio.so.1', name)
        for target, command in self.commands.items():
            if target not in wanted:
                continue
            if target.endswith('.o'):
                command[1:1] = ['-MMD', '-MF', target + '.d']
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
