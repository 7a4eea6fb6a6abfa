# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""What examples/python/kaio.py costs an operation, beside direct ctypes calls.

Writes of 512 bytes to /dev/null, prepared once and posted again and again in
batches; the direct calls are kaio_submit(), kaio_ring_reap() (or, without the
ring, kaio_getevents()) and a look at each result. Both take short turns; medians
over the rounds, in microseconds an operation. KAIO_LIBRARY is the library.

usage: overhead.py [ROUNDS]
"""
import ctypes
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "examples", "python"))

import kaio  # noqa: E402

SIZE, OPERATIONS = 512, 4000


class Completion(ctypes.Structure):
    _fields_ = [("data", ctypes.c_uint64), ("obj", ctypes.c_uint64),
                ("res", ctypes.c_int64), ("res2", ctypes.c_int64)]


def direct(context, blocks):
    """The fewest calls; the context and iocbs are kaio.py's."""
    submit, reap, getevents = kaio._submit, kaio._reap, kaio._getevents
    nr, handle, ring = len(blocks), context._handle, context._ring
    pointers = (ctypes.c_void_p * nr)(*(block._address for block in blocks))
    completions = (Completion * nr)()

    def post():
        if submit(handle, nr, pointers) != nr:
            raise SystemExit("not all were taken")
        if ring:
            done = reap(ring, completions, nr)
        else:
            done = getevents(handle, nr, nr, completions, None)
        if done != nr:
            raise SystemExit("not all were done")
        for completion in completions:
            if completion.res != SIZE:
                raise SystemExit("an operation failed")

    return post


def wrapped(context, blocks):
    def post():
        if context.submit(*blocks) != len(blocks):
            raise SystemExit("not all were taken")
        for event in context.events(len(blocks)):
            if event.res != SIZE:
                raise SystemExit("an operation failed")

    return post


def turn(post, batch):
    """Microseconds an operation."""
    times = OPERATIONS // batch
    start = time.process_time_ns()
    for _ in range(times):
        post()
    return (time.process_time_ns() - start) / 1000 / (times * batch)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    null = os.open("/dev/null", os.O_WRONLY)
    print("%5s %9s %9s %11s" % ("batch", "direct", "kaio.py", "difference"))
    with kaio.Context(64) as context:
        for batch in 1, 4, 16, 64:
            blocks = [kaio.write(null, bytes(SIZE)) for _ in range(batch)]
            posts = direct(context, blocks), wrapped(context, blocks)
            results = [], []
            for i in range(rounds):
                for which in (0, 1) if i % 2 else (1, 0):
                    results[which].append(turn(posts[which], batch))
            print("%5d %9.2f %9.2f %11.2f" % (
                batch, *map(statistics.median, results),
                statistics.median(b - a for a, b in zip(*results))))


main()
