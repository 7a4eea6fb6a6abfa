# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""What the tests of kaio.py share; finds it among the examples."""
import errno
import mmap
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "examples", "python"))

import kaio  # noqa: E402

__all__ = ["kaio", "Test", "BLOCK", "RWF_APPEND", "SECOND", "aligned",
           "pattern"]

BLOCK = 4096
SECOND = 10 ** 9
RWF_APPEND = 0x10  # os has it since Python 3.10


def aligned(size=BLOCK):
    return mmap.mmap(-1, size)


def pattern(seed, size=BLOCK):
    return bytes((seed * 31 + i * 7 + i // 256) % 256 for i in range(size))


class Test(unittest.TestCase):
    """Each has a context, and files on whatever the working directory is."""

    DEPTH = 8

    def setUp(self):
        self.context = kaio.Context(self.DEPTH)
        self.addCleanup(self.context.close)

    def descriptor(self, fd):
        self.addCleanup(os.close, fd)
        return fd

    def file(self, content=b""):
        file = tempfile.TemporaryFile(dir=".", buffering=0)
        self.addCleanup(file.close)
        file.write(content)
        return file

    def direct_file(self, content):
        """Open with O_DIRECT, where the file system has it."""
        handle, path = tempfile.mkstemp(dir=".")
        self.addCleanup(os.unlink, path)
        os.write(handle, content)
        os.fsync(handle)
        os.close(handle)
        try:
            return self.descriptor(os.open(path, os.O_RDWR | os.O_DIRECT))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.skipTest("no O_DIRECT in the working directory")

    def pipe(self):
        return [self.descriptor(fd) for fd in os.pipe()]

    def endless(self):
        """A block that is in flight until it is cancelled."""
        read, write = self.pipe()
        return kaio.poll(read, events=1)

    def run_block(self, block):
        """Its result."""
        self.assertEqual(self.context.submit(block), 1)
        (event,) = self.context.events(timeout=60 * SECOND)
        self.assertIs(event.block, block)
        return event.result()

    def assertHint(self, error, number):
        self.assertEqual(error.errno, number)
        self.assertGreater(len(error.hint.split()), 5)
        self.assertIn(error.hint, str(error))
