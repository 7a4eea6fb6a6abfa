# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""One context among threads."""
import os
import queue
import threading
import unittest

from fixture import SECOND, Test, kaio


class Threads(Test):
    DEPTH = 64

    def start(self, *functions):
        """Runs them to their ends, and raises what they raise."""
        errors = []

        def run(function):
            try:
                function()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(function,))
                   for function in functions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for error in errors:
            raise error

    def test_all_submit_and_all_collect(self):
        """Each block that comes back is posted again, 4000 times in all."""
        zero = self.descriptor(os.open("/dev/zero", os.O_RDONLY))
        free, done, total = queue.SimpleQueue(), [], 4000
        for i in range(16):
            free.put(kaio.read(zero, bytearray(8)))

        def run():
            while len(done) < total:
                try:
                    self.context.submit(free.get_nowait())
                except queue.Empty:
                    pass
                for event in self.context.events(1, 3, timeout=SECOND):
                    done.append(event.result())
                    free.put(event.block)

        self.start(run, run, run, run)
        rest = self.context.events(64)
        self.assertEqual(len(rest) + free.qsize(), 16)
        self.assertEqual(set(done), {8})

    def test_one_waits_while_others_submit(self):
        read, write = self.pipe()
        gate = kaio.poll(read, events=1)
        self.context.submit(gate)
        null = self.descriptor(os.open("/dev/null", os.O_WRONLY))
        blocks = [kaio.write(null, b"x") for _ in range(20)]
        got = []

        def collect():
            while len(got) < 21:
                got.extend(self.context.events())

        def submit():
            for block in blocks:
                self.context.submit(block)
            os.write(write, b"x")

        self.start(collect, submit)
        self.assertEqual({event.block for event in got}, {gate, *blocks})

    def test_a_collector_that_waits_does_not_outstay_its_timeout(self):
        block = self.endless()
        self.context.submit(block)
        entered = threading.Event()
        results = []

        def first():
            entered.set()
            results.append(self.context.events())

        def second():
            entered.wait()
            self.assertEqual(self.context.events(timeout=10 ** 7), [])
            self.assertEqual(self.context.events(timeout=0), [])
            self.context.cancel(block)

        self.start(first, second)
        self.assertEqual(results, [[(block, 0)]])

    def test_close_waits_for_the_collector(self):
        block = self.endless()
        self.context.submit(block)
        entered = threading.Event()
        results = []

        def collect():
            entered.set()
            try:
                results.extend(self.context.events(timeout=2 * 10 ** 7))
            except ValueError:  # it was closed before that
                pass

        def close():
            entered.wait()
            self.context.close()

        self.start(collect, close)
        self.assertEqual(results, [])
        with self.assertRaises(ValueError):
            self.context.events()


if __name__ == "__main__":
    unittest.main()
