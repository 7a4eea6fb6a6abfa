# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""Blocks: used again, changed, and what they keep."""
import gc
import os
import unittest
import weakref

from fixture import RWF_APPEND, Test, aligned, kaio


class Blocks(Test):
    def test_used_again_and_again(self):
        file = self.file(b"0123456789")
        buffer = bytearray(1)
        block = kaio.read(file, buffer)
        for i in range(1000):
            block.offset = i % 10
            self.assertEqual(self.run_block(block), 1)
            self.assertEqual(buffer, b"%d" % (i % 10))

    def test_every_attribute_changes(self):
        file, other = self.file(b"text"), self.file(b"other")
        buffer = bytearray(3)
        block = kaio.read(file, buffer, 1)
        self.assertEqual((block.operation, block.file, block.offset,
                          block.priority, block.rw_flags, block.eventfd),
                         ("read", file, 1, None, 0, None))
        self.run_block(block)
        self.assertEqual(buffer, b"ext")
        block.file = other
        self.run_block(block)
        self.assertEqual(buffer, b"the")
        block.change(operation="write", buffer=b"AB", offset=0)
        self.assertEqual(self.run_block(block), 2)
        self.assertEqual(os.pread(other.fileno(), 9, 0), b"ABher")
        block.rw_flags = RWF_APPEND
        self.run_block(block)
        block.change(operation="writev", buffer=[b"C", b"D"], rw_flags=0)
        self.run_block(block)
        self.assertEqual(os.pread(other.fileno(), 9, 0), b"CDherAB")
        block.change(operation="fdatasync")
        self.assertEqual(self.run_block(block), 0)

    def test_settings_that_are_taken_back(self):
        file = self.file(b"text")
        fd = self.descriptor(os.open(".", os.O_RDONLY))
        block = kaio.read(file, bytearray(4), priority=7 << 13, eventfd=fd)
        with self.assertRaises(OSError):
            self.context.submit(block)
        block.priority = None
        with self.assertRaises(OSError):
            self.context.submit(block)
        block.eventfd = None
        self.assertEqual(self.run_block(block), 4)

    def test_a_change_that_raises_changes_nothing(self):
        file = self.file(b"text")
        buffer = bytearray(2)
        block = kaio.read(file, buffer, 1)
        for error, settings in (
                (OverflowError, {"offset": 1 << 63}),
                (OverflowError, {"file": 1 << 31}),
                (OverflowError, {"offset": 2, "priority": 1 << 16}),
                (OverflowError, {"offset": 2, "rw_flags": -1 << 32}),
                (OverflowError, {"offset": 2, "eventfd": 1 << 31}),
                (TypeError, {"offset": 0.5}),
                (TypeError, {"offset": 2, "buffer": "text"}),
                (BufferError, {"offset": 2, "buffer": b"read only"}),
                (BufferError, {"buffer": memoryview(bytearray(9))[::2]}),
                (TypeError, {"offset": 2, "what": 3}),
                (KeyError, {"operation": "what"})):
            with self.assertRaises(error, msg=settings):
                block.change(**settings)
            self.assertEqual((block.offset, block.operation), (1, "read"))
            self.assertEqual(self.run_block(block), 2)
            self.assertEqual(buffer, b"ex")
        with self.assertRaises(AttributeError):
            block.ofset = 3

    def test_none_changes_in_flight(self):
        block = self.endless()
        self.context.submit(block)
        self.assertTrue(block.in_flight)
        with self.assertRaises(ValueError):
            block.events = 4
        self.context.cancel(block)
        self.context.events()
        self.assertFalse(block.in_flight)
        block.events = 4

    def test_a_buffer_in_flight_is_not_resized(self):
        read, write = self.pipe()
        gate = kaio.poll(read, events=1)
        buffer, part = bytearray(8), bytearray(8)
        blocks = [kaio.write(write, buffer), kaio.writev(write, [b"", part])]
        self.context.submit(gate, *blocks)  # their events wait in the context
        for held in buffer, part:
            with self.assertRaises(BufferError):
                held.append(1)
        self.context.events(3)
        for block in blocks:
            block.change(operation="fsync", buffer=b"")
        buffer.append(1)
        part.append(1)

    def test_a_block_and_its_buffer_live_until_the_event(self):
        fd = self.direct_file(b"a" * 4096)
        buffer = aligned()
        buffer_gone = weakref.ref(buffer)
        block = kaio.read(fd, buffer)
        self.context.submit(block)
        gone = weakref.ref(block)
        del block, buffer
        gc.collect()
        self.assertIsNotNone(gone())
        (event,) = self.context.events()
        self.assertEqual(event.block.buffer[:], b"a" * 4096)
        del event
        gc.collect()
        self.assertIsNone(gone())
        self.assertIsNone(buffer_gone())

    def test_an_mmap_is_not_closed_under_a_block(self):
        buffer = aligned()
        block = kaio.read(self.file(b"text"), buffer)
        with self.assertRaises(BufferError):
            buffer.close()
        self.run_block(block)
        block.buffer = bytearray(1)
        buffer.close()


if __name__ == "__main__":
    unittest.main()
