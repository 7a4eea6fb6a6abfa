# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
"""Linux kernel AIO for Python 3.8 and later: libkaio by ctypes, in one file.

    with open("/etc/passwd", "rb") as file, kaio.Context(depth=4) as context:
        blocks = [kaio.read(file, bytearray(4096), i * 4096) for i in range(4)]
        context.submit(*blocks)
        for event in context.events(minimum=len(blocks)):
            print(event.block.offset, event.result())

A block is one operation, prepared once and submitted as often as one likes. It
keeps its buffers where they are: a bytearray cannot be resized, an mmap not
closed, before the block is changed or garbage. O_DIRECT needs aligned buffers,
such as an anonymous mmap. Errors are OSError with an attribute hint.

Threads, with the GIL or without: submit() and cancel() may be called by any
number of them at a time; in events() one collects, and the others wait for
their turn. A block is one thread's at a time. close() waits for those in
events(), but must not be called beside submit() or cancel(). Handlers of
signals call neither events() nor close().

After os.fork() a context stays the parent's: in the child its calls raise
OSError of ECHILD, and close() does nothing to the parent's.

The library is $KAIO_LIBRARY, or what the system has as libkaio.
"""
import contextlib
import ctypes
import ctypes.util
import errno
import os
import struct
import threading
import time
import weakref
from collections import namedtuple
from functools import partial
from operator import index

_path = (os.environ.get("KAIO_LIBRARY") or ctypes.util.find_library("kaio")
         or "libkaio.so.0")
_waits = ctypes.CDLL(_path)  # for calls that may wait, and release the GIL
_quick = ctypes.PyDLL(_path)  # for those that do not
_TYPES = {"-": None, "i": ctypes.c_int, "u": ctypes.c_uint, "l": ctypes.c_long,
          "c": ctypes.c_ulong, "z": ctypes.c_size_t, "q": ctypes.c_int64,
          "p": ctypes.c_void_p, "s": ctypes.c_char_p, "o": ctypes.py_object}


def _function(library, name, types):  # of its result and its parameters
    function = getattr(library, name)
    function.restype, *function.argtypes = [_TYPES[letter] for letter in types]
    return function


_setup = _function(_waits, "kaio_setup", "iup")
_destroy = _function(_waits, "kaio_destroy", "ic")
_submit = _function(_waits, "kaio_submit", "iclp")
_cancel = _function(_waits, "kaio_cancel", "icpp")
# Where there are both, _time64 takes the time of two 64-bit numbers.
_getevents = _function(_waits, "kaio_getevents" + "_time64" * hasattr(
    _waits, "kaio_getevents_time64"), "icllpp")
_attach = _function(_quick, "kaio_ring_attach", "ipc")
_reap = _function(_quick, "kaio_ring_reap", "ippu")
_explain = _function(_quick, "kaio_explain", "sii")
_set_rw_flags, _set_ioprio, _set_eventfd = (
    _function(_quick, "kaio_iocb_set_" + name, "-pi")
    for name in ("rw_flags", "ioprio", "eventfd"))
_PREPARE = {name: _function(_quick, "kaio_prep_" + c_name, types)
            for name, c_name, types in (
                ("read", "pread", "-pipzq"), ("write", "pwrite", "-pipzq"),
                ("readv", "preadv", "-pipiq"), ("writev", "pwritev", "-pipiq"),
                ("fsync", "fsync", "-pi"), ("fdatasync", "fdsync", "-pi"),
                ("poll", "poll", "-piu"))}
_sizeof_iocb, _sizeof_event, _sizeof_ring = (
    _function(_quick, "kaio_sizeof_" + name, "z")()
    for name in ("iocb", "event", "ring"))
_get_buffer = _function(ctypes.pythonapi, "PyObject_GetBuffer", "iopi")
_release_buffer = _function(ctypes.pythonapi, "PyBuffer_Release", "-p")

_SETUP, _DESTROY, _SUBMIT, _CANCEL, _GETEVENTS, _RESULT, _QUEUE_WAIT = (
    0, 1, 2, 3, 4, 6, 16)  # enum kaio_call

# To read a struct kaio_event as four words is four times as fast as to ask the
# library for its members; which is asked once, whether it sees the same.
_sample = struct.pack("=4q", 1, 2, -3, 4)
if (len(_sample), 2, -3) != (
        _sizeof_event, _function(_quick, "kaio_event_iocb", "pp")(_sample),
        _function(_quick, "kaio_event_res", "qp")(_sample)):
    raise ImportError(_path + " has another struct kaio_event")

_TIME, _WORD, _new = struct.Struct("=qq"), struct.calcsize("P"), tuple.__new__
_memory = ctypes.create_string_buffer  # by malloc(3): aligned for anything
_forks = 0  # between the process that imported this and the one that runs
os.register_at_fork(after_in_child=lambda: globals().update(_forks=_forks + 1))


def _error(call, ret):
    hint = _explain(call, ret).decode()
    error = OSError(-ret, os.strerror(-ret) + ": " + hint)
    error.hint = hint
    return error


def _number(value, bits=31):
    if not -1 << bits <= index(value) < 1 << bits:
        raise OverflowError("out of range: %d" % value)
    return index(value)


def _fileno(file):
    return _number(file.fileno() if hasattr(file, "fileno") else file)


def _export(buffer, writable):
    """A view, which keeps the memory where it is, its address, its size."""
    view, raw = memoryview(buffer), _memory(128)
    _get_buffer(view, raw, writable)  # PyBUF_SIMPLE is 0, PyBUF_WRITABLE 1
    address = ctypes.c_void_p.from_buffer(raw).value  # of Py_buffer the first
    _release_buffer(raw)
    return view, address, view.nbytes


_DEFAULTS = {"operation": "", "file": -1, "buffer": b"", "offset": 0,
             "events": 0, "priority": None, "rw_flags": 0, "eventfd": None}


class Block:
    """One operation. read(), write() and the others below make them.

    file and eventfd are file objects or descriptors; buffer is anything with
    the buffer protocol, for readv and writev a sequence of such; events are a
    poll's, as of select.poll(); rw_flags are os.RWF_*; priority is a class (1
    real time, 2 best effort, 3 idle) << 13 | level. All are attributes, to be
    changed, even the operation, while in_flight is False, as after the event.
    """
    __slots__ = ("in_flight", "_settings", "_held", "_iocb", "_address",
                 "_word", "__weakref__")

    def __init__(self, operation, file, buffer=b"", offset=0, **settings):
        self._iocb = _memory(_sizeof_iocb)
        self._address = ctypes.addressof(self._iocb)
        self._word = struct.pack("P", self._address)
        self.in_flight, self._settings = False, _DEFAULTS
        self.change(operation=operation, file=file, buffer=buffer,
                    offset=offset, **settings)

    def change(self, **settings):
        """Sets several attributes at once; none of them if it raises."""
        if self.in_flight:
            raise ValueError("the block is in flight")
        for name in settings.keys() - _DEFAULTS.keys():
            raise TypeError("blocks have no " + name)
        settings = {**self._settings, **settings}  # in their order
        name, file, buffer, offset, events, priority, rw_flags, eventfd = (
            settings.values())
        held, operands = None, ()
        if name in ("read", "write"):
            held, *where = _export(buffer, name == "read")
            operands = *where, _number(offset, 63)
        elif name in ("readv", "writev"):
            held = [_export(part, name == "readv") for part in buffer]
            iovecs = struct.pack("P" * 2 * len(held), *(
                word for part in held for word in part[1:]))
            operands = iovecs, len(held), _number(offset, 63)
            held.append(iovecs)
        elif name == "poll":
            operands = (_number(events),)
        prepare, fd, flags = _PREPARE[name], _fileno(file), _number(rw_flags)
        priority = None if priority is None else _number(priority, 16)
        eventfd = None if eventfd is None else _fileno(eventfd)
        # Nothing raises from here on.
        prepare(self._address, fd, *operands)
        _set_rw_flags(self._address, flags)
        if priority is not None:
            _set_ioprio(self._address, priority)
        if eventfd is not None:
            _set_eventfd(self._address, eventfd)
        self._settings, self._held = settings, held


for _name in _DEFAULTS:
    setattr(Block, _name, property(
        lambda block, name=_name: block._settings[name],
        lambda block, value, name=_name: block.change(**{name: value})))
read, write, readv, writev, fsync, fdatasync, poll = (
    partial(Block, name) for name in _PREPARE)


class Event(namedtuple("Event", "block res")):
    """The completion of a block: res is its result, or a negative errno."""
    __slots__ = ()

    def result(self):
        """Bytes, or a poll's events, or 0; an error is raised as OSError."""
        if self.res < 0:
            raise _error(_RESULT, self.res)
        return self.res


def _end(handle, flying, forks):
    """The kernel may use the buffers of what is flying until this returns."""
    ret = _destroy(handle) if forks == _forks else 0
    for block in flying.values():
        block.in_flight = False
    flying.clear()
    return ret


class Context(contextlib.AbstractContextManager):
    """Has room for at least depth blocks in flight.

    Ended by close(), a with statement, or garbage collection: what is in
    flight then is waited for, polls are cancelled, and their events lost.
    """
    def __init__(self, depth=128):
        handle = ctypes.c_ulong()
        ret = _setup(_number(depth), ctypes.byref(handle))
        if ret < 0:
            raise _error(_SETUP, ret)
        self._handle, self._forks = handle.value, _forks
        self._flying = {}  # by its address, each block in flight
        self._end = weakref.finalize(
            self, _end, self._handle, self._flying, _forks)
        self._lock, self._ready = threading.Lock(), []  # of the one reaper
        self._depth, self._memory = depth, [
            _memory(size) for size in (depth * _sizeof_event, _sizeof_ring)]
        self._views = [memoryview(self._memory[0]).cast("B").cast(each)
                       for each in "Qq"]
        self._buffer, self._ring = map(ctypes.addressof, self._memory)
        if (os.environ.get("KAIO_NO_RING", "0") not in ("", "0")
                or _attach(self._ring, self._handle) < 0):
            self._ring = 0

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Ends the context. Blocks that were in flight may be used again."""
        if self._forks != _forks:  # closed; or a child's, whose copy of the
            self._end()            # lock nobody may ever release
            return
        with self._lock:
            self._forks, ret = None, self._end()
        if ret:
            raise _error(_DESTROY, ret)

    def _refuse(self):
        if self._forks is None:
            raise ValueError("the context is closed")
        raise _error(_QUEUE_WAIT, -errno.ECHILD)

    def submit(self, *blocks):
        """Hands blocks to the kernel, in order; returns how many it took.

        Where there is no room for all, the others are as they were: submit
        them again after events(). Where the kernel refuses one, this raises
        OSError, whose attribute submitted is how many it took before that one.
        """
        if self._forks != _forks:
            self._refuse()
        flying, words, taken = self._flying, [], 0
        for block in blocks:
            if block.in_flight:
                self._withdraw(blocks[:len(words)])
                raise ValueError("a block is in flight already")
            # Its event may be collected before the call has returned.
            block.in_flight = True
            flying[block._address] = block
            words.append(block._word)
        words, nr = b"".join(words), len(words)
        while taken < nr:
            ret = _submit(self._handle, nr - taken,
                          words[taken * _WORD:] if taken else words)
            if ret <= 0:
                self._withdraw(blocks[taken:])
                if flying and ret in (0, -errno.EAGAIN):
                    break
                error = _error(_SUBMIT, ret or -errno.EAGAIN)
                error.submitted = taken
                raise error
            taken += ret
        return taken

    def _withdraw(self, blocks):
        for block in blocks:
            del self._flying[block._address]
            block.in_flight = False

    def cancel(self, block):
        """Cancels a poll in flight; its event comes as usual, with res 0."""
        if self._forks != _forks:
            self._refuse()
        ret = _cancel(self._handle, block._address, None)
        if ret not in (0, -errno.EINPROGRESS):
            raise _error(_CANCEL, ret)

    def events(self, minimum=1, maximum=1 << 31, timeout=None):
        """Waits for at least minimum events, and returns up to maximum.

        They are fewer after timeout nanoseconds, or if no more are in flight.
        """
        if self._forks != _forks:
            self._refuse()
        if not 0 <= minimum <= maximum or timeout is not None and timeout < 0:
            raise ValueError("not 0 <= minimum <= maximum, or timeout < 0")
        end = None if timeout is None else time.monotonic_ns() + timeout
        if not self._lock.acquire(True, -1 if end is None else min(
                timeout / 1e9, threading.TIMEOUT_MAX)):
            return []
        try:
            if self._forks != _forks:
                self._refuse()
            ready, flying, left = self._ready, self._flying, None
            ring, buffer = self._ring, self._buffer
            words, results = self._views
            while True:
                room = len(flying)
                if room > self._depth or room + len(ready) > maximum:
                    room = min(self._depth, maximum - len(ready))
                if room <= 0:
                    break
                count = room
                try:
                    if not ring or not (count := _reap(ring, buffer, room)):
                        wanted = minimum - len(ready)
                        if wanted <= 0 and (ring or ready):
                            break
                        if end is not None:
                            left = max(0, end - time.monotonic_ns())
                        count = room
                        count = _getevents(
                            self._handle, min(wanted, room), room, buffer,
                            None if end is None
                            else _TIME.pack(*divmod(left, 10 ** 9)))
                finally:  # count is a guess where a signal handler raised
                    for i in range(1, 4 * count, 4):
                        if words[i]:
                            block = flying.pop(words[i])
                            block.in_flight = False
                            ready.append(_new(Event, (block, results[i + 1])))
                            words[i] = 0
                if count < 0 and count != -errno.EINTR:
                    raise _error(_GETEVENTS, count)
                if len(ready) >= minimum or left == 0:
                    break
            self._ready = ready[maximum:]
            return ready[:maximum]
        finally:
            self._lock.release()
