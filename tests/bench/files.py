# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""One of Python's processes of the files table: prints what files-child does.

usage: files.py ENGINE NUMBER ITERATIONS DIRECTORY
"""
import os
import sys
import time

STRIDE = 20  # iterations, for each time that threads are counted


def status(name):
    """Of /proc/self/status."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file
                    if line.startswith(name))


class Plain:
    """open(), and readinto() of the file objects."""

    def __init__(self, files, buffers):
        self.files, self.buffers = files, buffers

    def read_all(self):
        for file, buffer in zip(self.files, self.buffers):
            file.seek(0)
            yield file.readinto(buffer)


class Kaio:
    """examples/python/kaio.py: blocks that are prepared once."""

    def __init__(self, files, buffers):
        sys.path.insert(0, os.path.join(
            os.path.dirname(os.path.abspath(__file__)), "..", "..",
            "examples", "python"))
        import kaio
        self.context = kaio.Context(len(files) or 1)
        self.blocks = [kaio.read(file, buffer)
                       for file, buffer in zip(files, buffers)]

    def read_all(self):
        left = self.context.submit(*self.blocks)
        if left != len(self.blocks):
            raise SystemExit("not all were taken")
        for event in self.context.events(left):
            yield event.result()


def main():
    name, nr, iterations, directory = sys.argv[1:]
    files = [open(os.path.join(directory, str(i)), "rb", buffering=0)
             for i in range(int(nr))]
    sizes = [os.fstat(file.fileno()).st_size for file in files]
    buffers = [bytearray(size) for size in sizes]
    engine = {"python": Plain, "kaio.py": Kaio}[name](files, buffers)

    def round():
        if sum(engine.read_all()) != sum(sizes):
            raise SystemExit(name + ": not all was read")

    round()
    for i, buffer in enumerate(buffers):
        if buffer != open(files[i].name, "rb").read():
            raise SystemExit(name + ": the data is not what the file holds")
    threads, start, cpu = 0, time.monotonic(), time.process_time()
    for i in range(int(iterations)):
        round()
        if i % STRIDE == 0:
            threads = max(threads, status("Threads:"))
        time.sleep(0.001)
    cpu, wall = time.process_time() - cpu, time.monotonic() - start
    print("%.6f %d %d %d %.3f %d" % (
        wall, threads, status("VmHWM:"), status("VmPeak:"), 100 * cpu / wall,
        int(iterations) * int(nr)))


main()
