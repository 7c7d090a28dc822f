"""Following processes: records of what they map, of names, forks and ends, from a perf event on each CPU.

Records of several CPUs are put in order by their times; those of the last moment wait for the next round, since another
CPU may still be writing an earlier one.

Sources: `enum perf_event_type` in include/uapi/linux/perf_event.h; kernel/events/core.c. 4.1 and later.
"""

from __future__ import annotations

import errno
import os
import select
import struct
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final, final

from pyebpf.kernel import perf_events
from pyebpf.kernel.perf_events import Record
from pyebpf.loader.cpus import online_cpus
from pyebpf.loader.perf_pages import PerfPages, open_pages
from pyebpf.symbols.mappings import DELETED, Mapping, Space
from pyebpf.symbols.processes import Process, Processes

SIZE: Final = 512 << 10
"""Bytes for the records of each CPU: those of some hundred processes that begin."""
FLAGS: Final = (
    *(perf_events.MMAP, perf_events.MMAP2, perf_events.COMM, perf_events.COMM_EXEC, perf_events.TASK),
    *(perf_events.SAMPLE_ID_ALL, perf_events.WATERMARK),
)
MOMENT: Final = 1_000_000
"""Nanoseconds in which a record is surely written."""
PAUSE: Final = 0.02
"""Seconds between two rounds: as long as that, a process that ends at once may have been gone when it is looked at."""
LONGEST: Final = 0.1
"""What the pause grows to, round by round, while all files that are mapped are known: then nothing is urgent."""
GROWTH: Final = 1.25
_SOON: Final = 2
"""Milliseconds after which what waits is taken up, if nothing new comes."""
_MMAP2: Final = struct.Struct("=IIQQQIIQQII")
_TASK: Final = struct.Struct("=IIII")
_TIME: Final = struct.Struct("=Q")
_EXECUTABLE: Final = 4
_SPECIAL: Final = b"["
"""How names begin of what is neither a file's nor anybody's: `[vdso]`, `[stack]`."""
Lock = Callable[[], AbstractContextManager[Any]]


@final
class Follower:
    """Takes note of what happens, in a thread of its own, until `stop`."""

    def __init__(self, processes: Processes, lock: Lock) -> None:
        """Raises OSError."""
        self._processes = processes
        self._lock = lock
        self._pending: list[tuple[int, int, int, bytes]] = []
        self._new: list[tuple[Process, Mapping]] = []
        """Files that were mapped and are to be read."""
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()
        self._wake = -1
        self._pause = PAUSE
        self._pages = self._all = _opened()
        try:
            self._scan()
            processes.followed = True
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def lost(self) -> int:
        return sum(pages.lost for pages in self._all)

    def _scan(self) -> None:
        """The processes that are there. What changes meanwhile has records."""
        own = _mounts("self")
        for name in os.listdir("/proc"):
            process = self._processes.read(int(name)) if name.isdecimal() else None
            if process is None:
                continue
            foreign = _mounts(name) not in (own, 0)
            for mapping in process.space:
                if self._processes.pythons is not None:
                    self._processes.pythons.mapped(process.pid, mapping)
                if not mapping.is_file:
                    self._note(process, mapping)
                elif foreign or mapping.path.endswith(DELETED):  # others will be there when they are asked for
                    self._processes.capture(process, mapping)
        if self._processes.pythons is not None:
            self._processes.pythons.scanned()

    def start(self) -> None:
        """Begin the thread, if there is none."""
        if self._thread is None and self._pages:
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._thread = threading.Thread(target=self._run, args=(self._wake,), name="pyebpf-symbols", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it. Without the lock, which it may be waiting for."""
        thread, self._thread = self._thread, None
        wake, self._wake = self._wake, -1
        if thread is not None and os.getpid() == self._owner:
            os.eventfd_write(wake, 1)
            thread.join()
            _wait_until_gone(thread)
        if wake >= 0:
            os.close(wake)

    def close(self) -> None:
        """After `stop`."""
        if os.getpid() == self._owner and self._pages:
            self._apply(self._collected(time.monotonic_ns()))
        self._processes.followed = False
        pages, self._pages = self._pages, []
        for each in pages:
            each.close()

    def _run(self, wake: int) -> None:
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        for pages in self._pages:
            poll.register(pages, select.POLLIN)
        woken = select.poll()
        woken.register(wake, select.POLLIN)
        while True:
            ready = poll.poll(_SOON if self._pending else None)
            if any(fd == wake for fd, _ in ready):
                return
            with self._lock():
                self._pause = min(self._pause * GROWTH, LONGEST)
                self.drain()
            if woken.poll(self._pause * 1000):
                return

    def drain(self, pid: int | None = None) -> None:
        """Take note of all that is there; under the lock. Of process `pid` also what is of the last moment: it waits
        for that to be over."""
        if os.getpid() != self._owner:
            return
        self._apply(self._collected(time.monotonic_ns() - MOMENT))
        if pid is not None and any(_TASK.unpack_from(contents)[0] == pid for *_, contents in self._pending):
            time.sleep(2 * MOMENT / 1e9)
            self._apply(self._collected(time.monotonic_ns() - MOMENT))

    def _collected(self, until: int) -> list[tuple[int, int, int, bytes]]:
        """Records of before `until`, in the order of their times."""
        found, self._pending = self._pending, []
        for pages in self._pages:
            for kind, misc, contents in pages.read():
                if len(contents) >= _TIME.size:
                    time_of = _TIME.unpack_from(contents, len(contents) - _TIME.size)[0]
                    found.append((time_of, kind, misc, contents))
        found.sort(key=lambda record: record[0])
        while found and found[-1][0] > until:
            self._pending.append(found.pop())
        return found

    def _apply(self, records: list[tuple[int, int, int, bytes]]) -> None:
        for _, kind, misc, contents in records:
            if kind == Record.MMAP2:
                self._mapped(contents)
            elif kind == Record.COMM and misc & perf_events.MISC_EXEC:
                pid = _TASK.unpack_from(contents)[0]
                before = self._processes.get(pid)
                self._processes.put(Process(pid, Space(), before.parent if before else 0))
                if self._processes.pythons is not None:
                    self._processes.pythons.gone(pid)
            elif kind == Record.FORK:
                self._forked(contents)
            elif kind == Record.EXIT:
                pid, _, thread, _ = _TASK.unpack_from(contents)
                process = self._processes.get(pid)
                if process is not None and pid == thread:
                    self._processes.exit(process)
                    if self._processes.pythons is not None:
                        self._processes.pythons.gone(pid)
        self._capture()

    def _capture(self) -> None:
        """Read the new files: first those that only other mount namespaces have, for they may be gone with these."""
        new, self._new = self._new, []
        if new:
            self._pause = PAUSE
        own = _mounts("self") if new else 0
        for process, mapping in sorted(new, key=lambda each: _mounts(str(each[0].pid)) in (own, 0)):
            self._processes.capture(process, mapping)

    def _mapped(self, contents: bytes) -> None:
        pid, _, start, length, offset, major, minor, inode, generation, protection, _ = _MMAP2.unpack_from(contents)
        process = self._processes.get(pid) or self._unseen(pid)
        if not protection & _EXECUTABLE:
            return
        path = contents[_MMAP2.size : contents.find(b"\0", _MMAP2.size)]
        device = os.makedev(major, minor)
        mapping = Mapping(start, start + length, offset, device, inode, path, generation)
        process.space.add(mapping)
        if self._processes.pythons is not None:
            self._processes.pythons.mapped(pid, mapping)
        if not mapping.is_file:
            self._note(process, mapping)
        elif not self._processes.is_captured(mapping):
            self._new.append((process, mapping))

    def _note(self, process: Process, mapping: Mapping) -> None:
        if not mapping.path.startswith(_SPECIAL):
            self._processes.note_jit(process)

    def _forked(self, contents: bytes) -> None:
        pid, parent, _, _ = _TASK.unpack_from(contents)
        if pid == parent:  # a thread
            return
        before = self._processes.get(parent)
        space = before.space.copy() if before is not None else Space()
        process = Process(pid, space, parent)
        self._processes.put(process)
        if self._processes.pythons is not None:
            self._processes.pythons.forked(parent, pid)
        if before is not None:
            process.files = dict(before.files)
        if before is None or before.writer is not None:
            self._processes.note_jit(process)

    def _unseen(self, pid: int) -> Process:
        """A process that nothing was known of, such as after lost records."""
        process = self._processes.read(pid)
        if process is None:
            process = Process(pid, Space())
            self._processes.put(process)
        return process


def _mounts(name: str) -> int:
    """Which mount namespace a process is in; 0 if nobody says."""
    try:
        return os.stat(f"/proc/{name}/ns/mnt").st_ino
    except OSError:
        return 0


def _opened() -> list[PerfPages]:
    """One for each CPU that is online. Raises OSError."""
    flags = sum(FLAGS)
    with ExitStack() as undo:
        found = []
        for cpu in online_cpus():
            try:
                pages = open_pages(
                    *(perf_events.SOFTWARE_DUMMY, cpu, SIZE),
                    sample=perf_events.SAMPLE_TIME,
                    flags=flags,
                    clock=time.CLOCK_MONOTONIC,
                )
            except OSError as error:
                if error.errno != errno.ENODEV:  # it went offline just now
                    raise
                continue
            undo.callback(pages.close)
            found.append(pages)
        undo.pop_all()
    return found


def _wait_until_gone(thread: threading.Thread) -> None:
    """A thread that has been joined is in the kernel a moment longer, and counts as one of the process."""
    for _ in range(1000):
        if not os.path.exists(f"/proc/self/task/{thread.native_id}"):
            return
        time.sleep(0.001)
