"""Processes that are killed at any moment, and what they may leave in the kernel: nothing that wasn't pinned.

A process is killed at each of its system calls in turn that changes something (bpf(2), perf_event_open(2), and those on
files and sockets that Python tells of), and by a signal at random moments. Then nothing may be there that has a name
of the victims: no program, which an attachment of any kind would keep; no map, no BTF, no link.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, final

from victims import Compiled, Places, begin, folder_of, taken_over

from pyebpf.loader import sys as bpf

MARK: Final = b"vk_"
EVENTS: Final = frozenset(
    ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "subprocess.Popen", "socket.bind", "fcntl.ioctl", "mmap.__new__")
)
"""Audit events, which Python raises before it does these things."""
PATIENCE: Final = 20.0
"""Seconds within which the kernel must have freed what a process had."""
YOUNG: Final = 1.0
"""Seconds for which maps aren't looked at. An array of programs that nobody has open is about to be emptied by a worker
of the kernel's; who opens and closes it by its id in that moment has it wait for a second worker, which never comes,
and the map stays for good (seen on Linux 6.18)."""
_NEXT: Final = {
    "program": bpf.prog_get_next_id,
    "map": bpf.map_get_next_id,
    "link": bpf.link_get_next_id,
    "btf": bpf.btf_get_next_id,
}
_OPEN: Final = {"program": 13, "map": 14, "link": 30, "btf": 19}
"""BPF_…_GET_FD_BY_ID."""


class Found(Exception):
    """What must not be there."""


def everything() -> frozenset[tuple[str, int]]:
    """Kinds and ids of all that is in the kernel."""
    found = set()
    for kind, following in _NEXT.items():
        number = following(0)
        while number is not None:
            found.add((kind, number))
            number = following(number)
    return frozenset(found)


def _named(kind: str, number: int) -> bool:
    """Whether it is a victim's."""
    try:
        with bpf.Descriptor(bpf.bpf(_OPEN[kind], struct.pack("=III", number, 0, 0))[0]) as descriptor:
            info = bpf.obj_get_info_by_fd(descriptor.fd)
            match kind:
                case "program":
                    return info[64:80].startswith(MARK)
                case "map":
                    (btf,) = struct.unpack_from("=I", info, 64)
                    return info[24:40].startswith(MARK) or (btf != 0 and _named("btf", btf))
                case "link":
                    return _named("program", struct.unpack_from("=8xI", info)[0])
                case _:
                    return MARK in _types(descriptor.fd)
    except OSError:
        return False  # it has gone meanwhile


def _types(fd: int) -> bytes:
    import ctypes

    size = struct.unpack_from("=8xI", bpf.obj_get_info_by_fd(fd, 32))[0]
    data = ctypes.create_string_buffer(size)
    bpf.obj_get_info_by_fd(fd, 32, struct.pack("=QIIQII", ctypes.addressof(data), size, 0, 0, 0, 0))
    return data.raw


@final
class Kernel:
    """What is there of the victims', of the interface that they are attached to, and of routes."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._others = set(everything())
        """Known not to be theirs."""
        self._maps: dict[int, tuple[float, str]] = {}
        """When each was seen first, and after what."""
        self._interface = self.interface()

    def interface(self) -> str:
        """Its queueing disciplines with their filters, its XDP program, and its routes, as tools see them."""
        name = self.places.interface
        commands = (
            *(("tc", "qdisc", "show", "dev", name), ("ip", "-d", "link", "show", "dev", name)),
            ("ip", "route", "show", "table", "all", "dev", name),
            *(("tc", "filter", "show", "dev", name, side) for side in ("ingress", "egress")),
        )
        path = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
        return "\n".join(
            subprocess.run(command, capture_output=True, text=True, check=False, env=path).stdout
            for command in commands
        )

    def theirs(self) -> list[str]:
        """What is there now, but for maps. Those that have types keep these."""
        new = {(kind, number) for kind, number in everything() - self._others if kind != "map"}
        found = [(kind, number) for kind, number in sorted(new) if _named(kind, number)]
        self._others |= new - set(found)
        return [f"{kind} {number}" for kind, number in found]

    def check_empty(self, what: str) -> None:
        """Raises Found if something of theirs stays."""
        end = time.monotonic() + PATIENCE
        while left := self.theirs():
            if time.monotonic() > end:
                raise Found(f"{what}: left {', '.join(left)}")
            time.sleep(0.002)
        self._check_maps(what)
        while (now := self.interface()) != self._interface:
            if time.monotonic() > end:
                raise Found(f"{what}: the interface, or its routes, are not as they were:\n{now}")
            time.sleep(0.01)

    def _check_maps(self, what: str) -> None:
        """Those that aren't young."""
        there = {number for kind, number in everything() - self._others if kind == "map"}
        now = time.monotonic()
        self._maps = {number: self._maps.get(number, (now, what)) for number in there}
        for number, (since, after) in sorted(self._maps.items()):
            if now - since > YOUNG and _named("map", number):
                self._others.add(("map", number))
                raise Found(f"{after}, or shortly before: left map {number}")
            if now - since > YOUNG:
                self._others.add(("map", number))

    def settle(self) -> None:
        """Look at the maps that are still young. Raises Found."""
        self._check_maps("the last one")
        time.sleep(YOUNG * 1.2)
        self._check_maps("the last one")


def forked(work: Callable[[], object]) -> tuple[int, int]:
    """A child that does `work` and ends; and what to read its last words from, which are "" when all went well."""
    sys.stdout.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.close(reader)
    try:
        work()
    except BaseException:
        os.write(writer, traceback.format_exc().encode()[-60_000:])
    finally:
        os._exit(0)


def ended(child: int, reader: int) -> tuple[bool, str]:
    """Whether it was killed, and its last words."""
    words = b""
    while piece := os.read(reader, 65536):
        words += piece
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status), words.decode("utf-8", "replace")


@final
class _Counted:
    """The C library, with its system calls counted."""

    def __init__(self, real: Any, passing: Callable[[], None]) -> None:
        self._real, self._passing = real, passing

    def syscall(self, *arguments: Any) -> Any:
        self._passing()
        return self._real.syscall(*arguments)


def _dying(work: Callable[[], object], number: int, tell: int = -1) -> None:
    """Do `work`, but for call `number` and what comes after it. `tell`: a pipe that is told how many there are."""
    count = 0

    def passing() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    bpf._libc = _Counted(bpf._libc, passing)  # type: ignore[assignment]
    sys.addaudithook(lambda event, arguments: passing() if event in EVENTS else None)
    work()
    if tell >= 0:
        os.write(tell, str(count).encode())


def calls_of(work: Callable[[], object]) -> tuple[int, float]:
    """How many calls `work` makes, and how long it takes, in seconds."""
    reader, writer = os.pipe()
    start = time.monotonic()
    killed, words = ended(*forked(lambda: _dying(work, -1, writer)))
    took = time.monotonic() - start
    os.close(writer)
    told = os.read(reader, 64)
    os.close(reader)
    if killed or words or not told:
        raise Found(f"it fails without being killed:\n{words}")
    return int(told), took


@final
class Round:
    """A victim in one of its lives: `begin` has been, if `before` says so, and `work` is killed."""

    def __init__(
        self, one: Compiled, places: Places, kernel: Kernel, work: Callable[[Compiled, Places], None], before: bool
    ) -> None:
        self.one, self.places, self.kernel, self.before = one, places, kernel, before
        self.what = f"{one.victim.name}, {work.__name__}"
        self._work = work
        for _ in range(2):  # the first one may write bytecode, by calls that the others don't make
            self._prepare()
            self.calls, self.seconds = calls_of(self._do)
            self._check("not killed")

    def _do(self) -> None:
        self._work(self.one, self.places)

    def _prepare(self) -> None:
        if self.before:
            killed, words = ended(*forked(lambda: begin(self.one, self.places)))
            if killed or words:
                raise Found(f"{self.what}: it doesn't begin:\n{words}")

    def at_call(self, number: int) -> None:
        """Kill it before it makes call `number`. Raises Found."""
        self._prepare()
        killed, words = ended(*forked(lambda: _dying(self._do, number)))
        if not killed:
            raise Found(f"{self.what}, call {number} of {self.calls}: it wasn't killed:\n{words}")
        self._check(f"call {number} of {self.calls}")

    def at_moment(self, seconds: float) -> bool:
        """Kill it after so many seconds; whether it was still there. Raises Found."""
        self._prepare()
        child, reader = forked(self._do)
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        killed, words = ended(child, reader)
        if words:
            raise Found(f"{self.what}: it fails by itself:\n{words}")
        self._check(f"after {seconds * 1000:.1f} ms")
        return killed

    def _check(self, when: str) -> None:
        what = f"{self.what}, {when}"
        folder = folder_of(self.one, self.places)
        self._no_half_folder(what)
        if folder.exists():
            killed, words = ended(*forked(lambda: taken_over(self.one, self.places, same=True)))
            if killed or words:
                raise Found(f"{what}: what is pinned can't be taken over:\n{words}")
        self.kernel.check_empty(what)

    def _no_half_folder(self, what: str) -> None:
        """A helper process removes what wasn't finished."""
        end = time.monotonic() + PATIENCE
        while left := [path.name for path in self.places.folders.iterdir() if "~" in path.name]:
            if time.monotonic() > end:
                raise Found(f"{what}: left {', '.join(left)}")
            time.sleep(0.002)


def moments(round: Round, times: int, seed: int) -> Iterator[float]:
    """Random moments in the life of a victim, in seconds."""
    chance = random.Random(seed)
    for _ in range(times):
        yield chance.uniform(0, round.seconds)


def clear(places: Places) -> None:
    """Away with what a failed round has left."""
    for folder, _, files in os.walk(places.folders, topdown=False):
        for name in files:
            Path(folder, name).unlink()
        if Path(folder) != places.folders:
            os.rmdir(folder)
