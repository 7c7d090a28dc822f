"""What knows the names of addresses: of the kernel, of processes, and of processes that are gone."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, final

from pyebpf.pictures.frames import Frame
from pyebpf.symbols.kallsyms import KernelSymbols

if TYPE_CHECKING:
    from pyebpf.symbols.follow import Follower
    from pyebpf.symbols.processes import Processes
    from pyebpf.symbols.pythons import Pythons


@final
class Symbols:
    """Names of addresses. Nothing is read before it is asked for; the kernel's table is only opened, so that it can be
    read after privileges are dropped.

    Of the kernel: its functions, those of modules, BPF programs. Of processes: functions in programs and libraries, by
    their symbol tables or debug files, as the process sees them; in the vDSO; in what it compiled itself, if it says so
    in /tmp/perf-PID.map. Names of C++ and Rust are demangled, without parameters; a frame's `symbol` is as it stands in
    the file. Processes of 32 bits have modules and no names.

    Without `follow`, processes are known for as long as they live, from their first lookup on also beyond that. Reading
    another user's process takes CAP_SYS_PTRACE, files that only its container has CAP_SYS_ADMIN or
    CAP_CHECKPOINT_RESTORE too.
    """

    def __init__(self) -> None:
        self._kernel = KernelSymbols()
        self._found: Processes | None = None
        self._follower: Follower | None = None
        self._lost = 0
        self._lock = threading.RLock()
        self._owner = os.getpid()

    def kernel(self, addresses: Sequence[int]) -> list[Frame]:
        """Frames of the kernel, one for each address; the first is where it was, the others return there."""
        with self._locked():
            return [self._kernel.frame(address, number > 0) for number, address in enumerate(addresses)]

    def user(self, pid: int, addresses: Sequence[int]) -> list[Frame]:
        """Frames of a process (a thread group's number in the first pid namespace), as far as it is or was known."""
        with self._locked():
            if self._follower is not None:
                self._follower.drain(pid)
            return self._processes.frames(pid, [(address, number > 0) for number, address in enumerate(addresses)])

    @property
    def _processes(self) -> Processes:
        if self._found is None:
            from pyebpf.symbols.processes import Processes

            self._found = Processes()
        return self._found

    def follow(self, pythons: Pythons | None = None) -> None:
        """From now on, take note of what processes map, begin and end, so that they are known when they are gone. A
        thread does that until `close`. Raises OSError: EACCES or EPERM without CAP_PERFMON (CAP_SYS_ADMIN before 5.8)
        where kernel.perf_event_paranoid is above 0. `pythons` is told of those of CPython."""
        with self._locked():
            if self._follower is None:
                from pyebpf.symbols.follow import Follower

                self._kernel.check()
                self._processes.pythons = pythons
                self._follower = Follower(self._processes, self._locked)

    @property
    def lost(self) -> int:
        """Records of processes that the kernel had no room for, while following: some names may be missing."""
        return self._lost + (self._follower.lost if self._follower is not None else 0)

    def pause(self) -> None:
        """End the thread; records wait for as long as there is room. For what takes a process without other threads,
        such as dropping its capabilities."""
        if self._follower is not None:
            self._follower.stop()

    def resume(self) -> None:
        """Go on after `pause`."""
        if self._follower is not None:
            self._follower.start()

    def close(self) -> None:
        """Follow no more. What is known stays so; nothing happens the second time."""
        follower = self._follower
        if follower is not None:
            follower.stop()
        with self._locked():
            if follower is not None:
                follower.close()
                self._lost += follower.lost
                self._follower = None
            self._kernel.close()

    def _locked(self) -> threading.RLock:
        """A child of fork(2) has none of the other threads, one of which may have had the lock then."""
        if os.getpid() != self._owner:
            self._owner, self._lock = os.getpid(), threading.RLock()
        return self._lock

    def __enter__(self) -> Symbols:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
