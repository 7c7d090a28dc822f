"""kprobes and uprobes where the kernel has no perf PMU for them (before 4.17): defined in tracefs, and taken out of it
when they are closed.

Such a definition has a name, which everybody sees and which stays when a process is killed. No program runs by it any
more then, and the next one to come here removes it: the name has the number of the process.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import count
from typing import Final, Literal, final

from pyebpf.kernel.tracefs import TracepointsUnavailable, read_text, tracefs
from pyebpf.loader import sys
from pyebpf.loader.attach.perf import ATTRIBUTES

GROUP: Final = "pyebpf"
PERF_TYPE_TRACEPOINT: Final = 2
PERF_SAMPLE_RAW: Final = 1 << 10
_NAME: Final = re.compile(r"p(?P<process>\d{1,10})_\d{1,10}")
_numbers = count()


@final
class Definition:
    """A probe in tracefs, until it is closed."""

    def __init__(self, kind: Literal["kprobe", "uprobe"], name: str) -> None:
        self._kind = kind
        self._name = name
        self._process = os.getpid()

    def close(self) -> None:
        """Nothing happens the second time, nor in a child of fork(2)."""
        name, self._name = self._name, ""
        if name and os.getpid() == self._process:
            with suppress(OSError, TracepointsUnavailable):
                _write(self._kind, f"-:{GROUP}/{name}")


def open_probe(
    kind: Literal["kprobe", "uprobe"], place: str, returns: bool, pid: int | None = None
) -> tuple[sys.Descriptor, Definition] | None:
    """The event of a probe at `place` (`vfs_read+0x10`, `/usr/bin/true:0x1234`), and what keeps it defined; None where
    tracefs knows no such probes. Raises OSError."""
    try:
        _remove_stale(kind)
        name = f"p{os.getpid()}_{next(_numbers)}"
        _write(kind, f"{'r' if returns else 'p'}:{GROUP}/{name} {place}")
    except (FileNotFoundError, TracepointsUnavailable):
        return None
    definition = Definition(kind, name)
    try:
        with tracefs() as root:
            number = int(read_text(root, f"events/{GROUP}/{name}/id") or "0")
        numbers = (PERF_TYPE_TRACEPOINT, ATTRIBUTES.size, number, 1, PERF_SAMPLE_RAW, 0, 0, 1, 0, 0, 0)
        return sys.perf_event_open(
            ATTRIBUTES.pack(*numbers), -1 if pid is None else pid, 0 if pid is None else -1
        ), definition
    except BaseException:
        definition.close()
        raise


def _write(kind: str, line: str) -> None:
    """Raises OSError, TracepointsUnavailable."""
    with tracefs() as root:
        file = os.open(f"{kind}_events", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, dir_fd=root)
        try:
            os.write(file, line.encode("utf-8", "surrogateescape") + b"\n")
        finally:
            os.close(file)


def _remove_stale(kind: str) -> None:
    """What killed processes have left."""
    with tracefs() as root:
        text = read_text(root, f"{kind}_events") or ""
    for line in text.splitlines():
        definition = line.split()[0].partition(":")[2] if line.split() else ""
        group, _, name = definition.partition("/")
        match = _NAME.fullmatch(name)
        if group == GROUP and match is not None and not os.path.exists(f"/proc/{match['process']}"):
            with suppress(OSError):
                _write(kind, f"-:{GROUP}/{name}")
