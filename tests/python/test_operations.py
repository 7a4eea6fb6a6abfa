# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""Each operation does what it says, to the file and to the buffer."""
import array
import errno
import os
import select
import unittest

from fixture import BLOCK, RWF_APPEND, Test, aligned, kaio, pattern


class Operations(Test):
    def test_read_fills_the_buffer(self):
        file = self.file(pattern(1))
        buffer = bytearray(100)
        self.assertEqual(self.run_block(kaio.read(file, buffer)), 100)
        self.assertEqual(buffer, pattern(1)[:100])
        self.assertEqual(self.run_block(kaio.read(file, buffer, 4000)), 96)
        self.assertEqual(buffer[:96], pattern(1)[4000:])
        self.assertEqual(self.run_block(kaio.read(file, buffer, 5000)), 0)

    def test_write_of_each_kind_of_buffer(self):
        file = self.file()
        for buffer in (b"bytes", bytearray(b"bytearray"), aligned(16),
                       memoryview(b"view")[1:], array.array("i", [1, -2]),
                       memoryview(bytearray(b"readonly")).toreadonly()):
            size = memoryview(buffer).nbytes
            self.assertEqual(self.run_block(kaio.write(file, buffer, 7)), size)
            self.assertEqual(os.pread(file.fileno(), size, 7),
                             memoryview(buffer).tobytes())

    def test_vectors(self):
        file = self.file()
        parts = [b"one", bytearray(b"two"), b"", memoryview(b"three")]
        self.assertEqual(self.run_block(kaio.writev(file, parts, 5)), 11)
        self.assertEqual(os.pread(file.fileno(), 99, 5), b"onetwothree")
        into = [bytearray(4), bytearray(6), bytearray(5)]
        self.assertEqual(self.run_block(kaio.readv(file, into, 5)), 11)
        self.assertEqual(b"".join(into), b"onetwothree" + bytes(4))

    def test_no_buffer_at_all(self):
        file = self.file(b"text")
        for block in (kaio.read(file, bytearray()), kaio.write(file, b""),
                      kaio.readv(file, []), kaio.writev(file, [])):
            self.assertEqual(self.run_block(block), 0)

    def test_syncs(self):
        file = self.file(b"text")
        self.assertEqual(self.run_block(kaio.fsync(file)), 0)
        self.assertEqual(self.run_block(kaio.fdatasync(file)), 0)
        read, write = self.pipe()
        for sync in kaio.fsync, kaio.fdatasync:
            with self.assertRaises(OSError) as caught:
                self.run_block(sync(read))
            self.assertHint(caught.exception, errno.EINVAL)

    def test_poll(self):
        read, write = self.pipe()
        block = kaio.poll(read, events=select.POLLIN)
        self.context.submit(block)
        self.assertEqual(self.context.events(timeout=1000000), [])
        os.write(write, b"x")
        (event,) = self.context.events()
        self.assertTrue(event.result() & select.POLLIN)
        self.assertTrue(self.run_block(
            kaio.poll(write, events=select.POLLOUT)) & select.POLLOUT)

    def test_direct_round_trip(self):
        fd = self.direct_file(bytes(8 * BLOCK))
        writes = []
        for i in range(8):
            buffer = aligned()
            buffer[:] = pattern(i)
            writes.append(kaio.write(fd, buffer, i * BLOCK))
        self.assertEqual(self.context.submit(*writes), 8)
        for event in self.context.events(8):
            self.assertEqual(event.result(), BLOCK)
        reads = [kaio.readv(fd, [aligned(), aligned()], i * 2 * BLOCK)
                 for i in range(4)]
        self.assertEqual(self.context.submit(*reads), 4)
        for event in self.context.events(4):
            self.assertEqual(event.result(), 2 * BLOCK)
        for i, block in enumerate(reads):
            self.assertEqual(b"".join(part[:] for part in block.buffer),
                             pattern(2 * i) + pattern(2 * i + 1))

    def test_priority_flags_and_eventfd_reach_the_kernel(self):
        file = self.file(b"text")
        block = kaio.write(file, b"more", 0, rw_flags=RWF_APPEND,
                           priority=2 << 13 | 7)
        self.assertEqual(self.run_block(block), 4)
        self.assertEqual(os.pread(file.fileno(), 99, 0), b"textmore")
        for setting, number in (({"priority": 7 << 13}, errno.EINVAL),
                                ({"rw_flags": 1 << 30}, errno.EOPNOTSUPP),
                                ({"eventfd": file}, errno.EINVAL)):
            with self.assertRaises(OSError) as caught:
                self.run_block(kaio.write(file, b"x", **setting))
            self.assertHint(caught.exception, number)

    def test_files_are_objects_or_descriptors(self):
        file = self.file(b"text")
        for each in file, file.fileno():
            self.assertEqual(self.run_block(kaio.read(each, bytearray(9))), 4)
        with self.assertRaises(TypeError):
            kaio.read("name", bytearray(9))

    def test_the_program_in_the_readme(self):
        readme = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                              "..", "..", "README.md")
        with open(readme) as file:
            program = file.read().split("```python\n")[1].split("```")[0]
        printed = []
        exec(program, {"print": printed.append})
        with open("/etc/passwd", "rb") as file:
            self.assertEqual(printed, [file.read(4096)])


if __name__ == "__main__":
    unittest.main()
