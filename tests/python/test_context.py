# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""Contexts: submitting, collecting, cancelling, ending, forking."""
import ctypes
import errno
import gc
import os
import signal
import sys
import time
import unittest

from fixture import Test, kaio, pattern


class Interrupt(Exception):
    pass


class Submit(Test):
    def writes(self, nr):
        null = self.descriptor(os.open("/dev/null", os.O_WRONLY))
        return [kaio.write(null, b"x" * (i % 50 + 1)) for i in range(nr)]

    def test_none(self):
        self.assertEqual(self.context.submit(), 0)
        self.assertEqual(self.context.events(), [])

    def test_more_than_there_is_room_for(self):
        """The kernel takes what it has room for; each completes once."""
        blocks = self.writes(1000)
        left, results, short = list(blocks), {}, 0
        while left or len(results) < len(blocks):
            taken = self.context.submit(*left)
            short += taken < len(left)
            self.assertTrue(all(not block.in_flight for block in left[taken:]))
            left = left[taken:]
            for event in self.context.events():
                self.assertNotIn(event.block, results)
                results[event.block] = event.result()
        self.assertGreater(short, 0)
        self.assertEqual([results[block] for block in blocks],
                         [i % 50 + 1 for i in range(1000)])

    def test_no_room_for_any(self):
        fillers = [self.endless() for _ in range(self.DEPTH * 40)]
        taken = self.context.submit(*fillers)
        self.assertGreaterEqual(taken, self.DEPTH)
        self.assertLess(taken, len(fillers))
        self.assertEqual(self.context.submit(*fillers[taken:]), 0)
        self.assertFalse(fillers[-1].in_flight)
        for block in fillers[:taken]:
            self.context.cancel(block)
        self.assertEqual(sum(len(self.context.events())
                             for _ in iter(lambda: any(
                                 block.in_flight for block in fillers),
                                 False)), taken)

    def test_a_bad_block_costs_itself(self):
        good = self.writes(4)
        bad = kaio.write(-1, b"x")
        with self.assertRaises(OSError) as caught:
            self.context.submit(good[0], good[1], bad, good[2])
        self.assertHint(caught.exception, errno.EBADF)
        self.assertEqual(caught.exception.submitted, 2)
        self.assertEqual([block.in_flight for block in (*good, bad)],
                         [True, True, False, False, False])
        self.assertEqual(self.context.submit(good[2], good[3]), 2)
        self.assertEqual({event.block for event in self.context.events(4)},
                         set(good))
        with self.assertRaises(OSError) as caught:
            self.context.submit(bad)
        self.assertEqual(caught.exception.submitted, 0)

    def test_a_block_twice(self):
        one, two = self.writes(2)
        with self.assertRaises(ValueError):
            self.context.submit(one, two, one)
        self.assertFalse(one.in_flight or two.in_flight)
        block = self.endless()
        self.context.submit(block)
        with self.assertRaises(ValueError):
            self.context.submit(one, block)
        self.assertTrue(block.in_flight)
        self.assertEqual(self.run_block(one), 1)
        with kaio.Context(1) as other, self.assertRaises(ValueError):
            other.submit(block)


class Collect(Test):
    def test_from_minimum_to_maximum(self):
        null = self.descriptor(os.open("/dev/null", os.O_WRONLY))
        blocks = [kaio.write(null, b"x") for _ in range(self.DEPTH)]
        self.context.submit(*blocks)
        self.assertEqual(len(self.context.events(1, 3)), 3)
        self.assertEqual(self.context.events(0, 0), [])
        self.assertEqual(len(self.context.events(2, 2)), 2)
        self.assertEqual(len(self.context.events(0)), 3)
        self.assertEqual(self.context.events(0), [])
        for wrong in (3, 2), (-1, 2), (0, -1), (1, 1, -1):
            with self.assertRaises(ValueError):
                self.context.events(*wrong)

    def test_in_the_order_of_completion(self):
        zero = self.descriptor(os.open("/dev/zero", os.O_RDONLY))
        for _ in range(200):  # around the ring
            blocks = [kaio.read(zero, bytearray(1)) for _ in range(5)]
            self.context.submit(*blocks)
            self.assertEqual([event.block for event in self.context.events(5)],
                             blocks)

    def test_never_waits_for_more_than_is_in_flight(self):
        self.assertEqual(self.context.events(5), [])
        block = kaio.read(self.file(b"x"), bytearray(1))
        self.context.submit(block)
        self.assertEqual(self.context.events(5), [(block, 1)])

    def test_a_timeout_returns_what_there_is(self):
        endless = self.endless()
        block = kaio.read(self.file(b"x"), bytearray(1))
        self.context.submit(endless, block)
        for timeout in 0, 1, 20 * 10 ** 6:
            start = time.monotonic_ns()
            events = self.context.events(2, timeout=timeout)
            self.assertGreaterEqual(time.monotonic_ns() - start, timeout)
            self.assertEqual(events, [(block, 1)])
            self.context.submit(block)
        self.assertEqual(len(self.context.events(1, timeout=1 << 62)), 1)
        self.assertEqual(self.context.events(0), [])

    def test_more_than_depth_at_once(self):
        null = self.descriptor(os.open("/dev/null", os.O_WRONLY))
        blocks = [kaio.write(null, b"x") for _ in range(60)]
        taken = self.context.submit(*blocks)
        self.assertGreater(taken, self.DEPTH)
        self.assertEqual(len(self.context.events(taken)), taken)

    def test_an_error_is_raised_by_result_alone(self):
        read, write = self.pipe()
        os.set_blocking(read, False)
        self.context.submit(kaio.read(read, bytearray(8)))
        (event,) = self.context.events()
        self.assertEqual(event.res, -errno.EAGAIN)
        with self.assertRaises(BlockingIOError) as caught:
            event.result()
        self.assertHint(caught.exception, errno.EAGAIN)

    def test_a_signal_ends_no_wait(self):
        read, write = self.pipe()
        block = kaio.poll(read, events=1)
        self.context.submit(block)
        self.handle(lambda *_: os.write(write, b"x"))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        self.assertEqual(len(self.context.events()), 1)

    def test_a_handler_that_raises_loses_no_event(self):
        def handler(*_):
            raise Interrupt

        endless = self.endless()
        block = kaio.read(self.file(b"x"), bytearray(1))
        self.context.submit(endless, block)
        self.handle(handler)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with self.assertRaises(Interrupt):
            self.context.events(2)
        self.assertFalse(block.in_flight)
        self.assertEqual(self.context.events(1), [(block, 1)])
        self.context.cancel(endless)
        self.assertEqual(self.context.events(1), [(endless, 0)])

    def handle(self, handler):
        self.addCleanup(signal.signal, signal.SIGALRM,
                        signal.signal(signal.SIGALRM, handler))

    def test_cancel_of_a_poll(self):
        block = self.endless()
        self.context.submit(block)
        self.context.cancel(block)
        (event,) = self.context.events()
        self.assertEqual((event.block, event.result()), (block, 0))
        with self.assertRaises(OSError) as caught:
            self.context.cancel(block)
        self.assertHint(caught.exception, errno.EINVAL)

    def test_eventfd(self):
        libc = ctypes.CDLL(None, use_errno=True)
        fd = self.descriptor(libc.eventfd(0, os.O_NONBLOCK))
        block = kaio.read(self.file(b"text"), bytearray(4), eventfd=fd)
        others = [kaio.fsync(self.file(), eventfd=fd),
                  kaio.poll(self.pipe()[1], events=4, eventfd=fd)]
        self.context.submit(block, *others)
        self.assertEqual(len(self.context.events(3)), 3)
        self.assertEqual(os.read(fd, 8), (3).to_bytes(8, sys.byteorder))
        block.eventfd = None
        self.run_block(block)
        with self.assertRaises(BlockingIOError):
            os.read(fd, 8)


class End(Test):
    def aio_nr(self):
        with open("/proc/sys/fs/aio-nr") as file:
            return int(file.read())

    def test_depths_that_cannot_be(self):
        for depth in 0, 1 << 30, -1:
            with self.assertRaises(OSError) as caught:
                kaio.Context(depth)
            self.assertHint(caught.exception, errno.EINVAL)

    def test_closed_is_closed(self):
        block = self.endless()
        with kaio.Context(1) as context:
            context.submit(block)
        self.assertFalse(block.in_flight)
        context.close()
        for call in (context.submit, context.events,
                     lambda: context.cancel(block)):
            with self.assertRaises(ValueError):
                call()
        self.context.submit(block)

    def is_gone(self, handle):
        return kaio._submit(handle, 0, None) == -errno.EINVAL

    def test_garbage_is_closed_and_waited_for(self):
        fd = self.direct_file(pattern(3))
        context = kaio.Context(4)
        handle = context._handle
        self.assertFalse(self.is_gone(handle))
        polled, block = self.endless(), kaio.read(fd, bytearray(1))
        context.submit(polled)
        cycle = [context]
        cycle.append(cycle)
        del context, cycle
        gc.collect()
        self.assertTrue(self.is_gone(handle))
        self.assertFalse(polled.in_flight)
        self.assertFalse(block.in_flight)

    def test_destroyed_by_others(self):
        context = kaio.Context(1)
        kaio._destroy(context._handle)
        with self.assertRaises(OSError) as caught:
            context.close()
        self.assertHint(caught.exception, errno.EINVAL)

    def test_a_child_does_not_touch_its_parents(self):
        file = self.file(b"text")
        block, polled = kaio.read(file, bytearray(4)), self.endless()
        self.context.submit(block, polled)
        with self.context._lock:  # as by a thread in events()
            child = os.fork()
        if not child:
            self.context._lock.acquire(False)
            status = 1
            try:
                self.in_child(block, polled)
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.context.events(1), [(block, 4)])
        self.context.cancel(polled)
        self.assertEqual(self.context.events(1), [(polled, 0)])

    def in_child(self, block, polled):
        destroy, kaio._destroy = kaio._destroy, None
        for call in (self.context.events, self.context.submit,
                     lambda: self.context.events(0),
                     lambda: self.context.cancel(polled)):
            with self.assertRaises(OSError) as caught:
                call()
            self.assertHint(caught.exception, errno.ECHILD)
        with kaio.Context(1) as own:
            own.submit(kaio.read(block.file, bytearray(2), 2))
            self.assertEqual(own.events()[0].result(), 2)
            self.context.close()
            own.submit(block)
            self.assertEqual(own.events(), [(block, 4)])
            kaio._destroy = destroy


if __name__ == "__main__":
    unittest.main()
