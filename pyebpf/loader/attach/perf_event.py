"""Perf events that count something, on each CPU or in the threads of a process: programs run when so many have come.

The kernel gives one such event to one CPU, or to one thread, so that a program has as many as there are of those. The
CPUs are those that are online when it is attached: one that comes later has none.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Final, final

from pyebpf.kernel import perf_events
from pyebpf.kernel.hooks.perf_events import PERF_EVENT
from pyebpf.kernel.perf_events import BadEvent, EventType, Sampling, sampling_of
from pyebpf.kernel.versions import running_version, show_version
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Closable, Link
from pyebpf.loader.attach.perf import ATTRIBUTES, PERF_EVENT_IOC_ENABLE, set_program
from pyebpf.loader.cpus import online_cpus, online_text
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram
from pyebpf.records import dataclass

PARANOID: Final = Path("/proc/sys/kernel/perf_event_paranoid")
PERF_SAMPLE_CALLCHAIN: Final = 1 << 5
"""What programs that read stacks need of exact events, whose registers aren't those of the stack (5.9)."""
_NUMBER: Final = re.compile(r"(?P<word>hz|period|pid|tid|cpu)[=:](?P<number>\d{1,19})")


@final
@dataclass(frozen=True, slots=True)
class Place:
    """What a program's events are, and of whom: all CPUs, if nobody is named."""

    sampling: Sampling
    word: str = ""
    """`pid`, `tid` or `cpu`."""
    number: int = 0

    def __str__(self) -> str:
        whose = {"pid": "process", "tid": "thread", "cpu": "CPU"}.get(self.word)
        return f"perf event {self.sampling.words}" + (f", {whose} {self.number}" if whose else "")


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the event that `where` names, or else the program's own, on the CPUs or threads that `where` names."""
    place = _place(program, where)
    what = f"attach {program.spec.name} to {place}"
    with ExitStack() as undo:
        events: list[sys.Descriptor] = []
        holders: list[Closable] = []
        for pid, cpu in _targets(place, what):
            try:
                event = _open(place, pid, cpu)
                undo.callback(event.close)
                found = set_program(program, event, enable=False)
            except OSError as error:
                if (error.errno == errno.ENODEV and place.word != "cpu") or (error.errno == errno.ESRCH and pid > 0):
                    continue  # a CPU that went offline, a thread that has ended
                raise _explained(error, what, place) from error
            for holder in found:
                undo.callback(holder.close)
            events.append(event)
            holders += found
        if not events:
            raise LoadError(f"cannot {what}: {_nobody(place)}", "target")
        for event in events:
            fcntl.ioctl(event.fd, PERF_EVENT_IOC_ENABLE, 0)
        undo.pop_all()
    several = f", {len(events)} {'threads' if place.word else 'CPUs'}" if len(events) > 1 else ""
    return Link(program.spec.name, f"{place}{several}", tuple(holders), parts=len(events))


def _place(program: LoadedProgram, where: object) -> Place:
    """`cycles,hz=99,pid=123`: any part of it may be left out that the program itself says."""
    name = program.spec.name
    if not isinstance(where, str | None):
        raise LoadError(f"program {name} is attached by text, {PERF_EVENT.place}, not by {where!r:.80}", "target")
    own, given = _parts(program.spec.argument), _parts(where or "")
    if "" in given:  # another event, with its own numbers
        own = {}
    numbers = own | given
    if {"hz", "period"} & given.keys():
        numbers = {word: value for word, value in numbers.items() if word not in ("hz", "period") or word in given}
    whose = [word for word in ("pid", "tid", "cpu") if word in given]
    event = numbers.get("", "")
    if not event:
        raise LoadError(f"program {name} needs to know where: --attach {name}={PERF_EVENT.place}", "target")
    if len(whose) > 1:
        raise LoadError(f"program {name} is for one of {' and '.join(whose)}, not for both", "target")
    try:
        sampling = sampling_of(event, int(numbers.get("period", 0)), int(numbers.get("hz", 0)))
    except BadEvent as error:
        hint = f"; did you mean {error.near}?" if error.near and error.near != event.partition(":")[0] else ""
        raise LoadError(f"cannot attach {name}: {error}{hint}", "target") from None
    word = whose[0] if whose else ""
    number = int(given[word]) if word else 0
    if number >= 1 << 31 or (word in ("pid", "tid") and not number):
        raise LoadError(f"cannot attach {name}: {number} is no {word}", "target")
    return Place(sampling, word, number)


def _parts(text: str) -> dict[str, str]:
    """By words; the event's name is under none."""
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        match = _NUMBER.fullmatch(part)
        word, value = (match["word"], match["number"]) if match is not None else ("", part)
        if word in found:
            raise LoadError(f"{text!r:.80} says twice {f'what {word} is' if word else 'which event it is'}", "target")
        if word in ("hz", "period") and not int(value):
            raise LoadError(f"{text!r:.80} says {word} is 0", "target")
        found[word] = value
    return found


def _targets(place: Place, what: str) -> list[tuple[int, int]]:
    """The process and the CPU of each event that is opened; -1 stands for any."""
    match place.word:
        case "cpu":
            return [(-1, place.number)]
        case "tid":
            return [(place.number, -1)]
        case "pid":
            try:
                return [(int(thread), -1) for thread in os.listdir(f"/proc/{place.number}/task")]
            except FileNotFoundError:
                raise LoadError(f"cannot {what}: there is no process {place.number}", "target") from None
        case _:
            return [(-1, cpu) for cpu in online_cpus()]


def _open(place: Place, pid: int, cpu: int) -> sys.Descriptor:
    """The event, which doesn't count yet. Raises OSError."""
    event, rate = place.sampling.event, place.sampling.hz or place.sampling.period
    flags = event.flags | perf_events.DISABLED | (perf_events.FREQUENCY if place.sampling.hz else 0)
    sample = PERF_SAMPLE_CALLCHAIN if event.exact else 0

    def opened(inherited: int) -> sys.Descriptor:
        numbers = (event.type, ATTRIBUTES.size, event.config, rate, sample, 0, perf_events.laid_out(flags | inherited))
        attributes = ATTRIBUTES.pack(*numbers, 0, 0, 0, 0)
        return sys.perf_event_open(attributes, pid, cpu)

    if place.word != "pid":
        return opened(0)
    try:
        return opened(perf_events.INHERIT | perf_events.INHERIT_THREAD)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return opened(perf_events.INHERIT)  # before 5.13: and of the processes that it begins


def _nobody(place: Place) -> str:
    if place.word in ("pid", "tid"):
        return f"there is no {'process' if place.word == 'pid' else 'thread'} {place.number}"
    return "no CPU is online"


def _explained(error: OSError, what: str, place: Place) -> LoadError:
    event = place.sampling.event
    match error.errno:
        case errno.ENOENT | errno.EOPNOTSUPP if event.type != EventType.SOFTWARE:
            return LoadError(f"cannot {what}: {_no_counter(event.name, error.errno)}", "kernel")
        case errno.ENOENT | errno.EINVAL if (running_version() or event.since) < event.since:
            return LoadError(f"cannot {what}: it needs Linux {show_version(event.since)} or later", "kernel")
        case errno.EINVAL if place.sampling.hz > max_rate():
            text = f"the kernel allows {max_rate():,} times a second (kernel.perf_event_max_sample_rate)"
            return LoadError(f"cannot {what}: {text}", "kernel")
        case errno.ENODEV | errno.EINVAL if place.word == "cpu":
            online = online_text()
            return LoadError(f"cannot {what}: CPU {place.number} isn't online; {online} are", "target")
        case errno.ESRCH:
            return LoadError(f"cannot {what}: {_nobody(place)}", "target")
        case errno.ENOSPC | errno.EBUSY:
            return LoadError(f"cannot {what}: all of the processor's counters are in use", "kernel")
        case errno.EMFILE:
            return LoadError(f"cannot {what}: each event is an open file, and {error.strerror}", "kernel")
        case errno.EACCES | errno.EPERM:
            return LoadError(f"{explain(error, what, PERF_EVENT.name)}{_paranoid()}", "privileges")
        case errno.EPROTO:
            text = "stacks can't be read where events are exact (the letter p)"
            return LoadError(f"cannot {what}: {text}", "object")
    return explain(error, what, PERF_EVENT.name)


def _no_counter(name: str, code: int) -> str:
    """What is missing where the kernel has no counter for a hardware event, and what would do instead."""
    instead = "cpu-clock, which @profile takes, works everywhere"
    if not perf_events.counters_here():
        return f"this machine has no hardware counters (a virtual machine, perhaps); {instead}"
    if code == errno.EOPNOTSUPP:
        return f"this processor's counters don't interrupt when {name} have come; {instead}"
    return f"this processor doesn't count {name}; {instead}"


def max_rate() -> int:
    """How many samples a second the kernel allows."""
    try:
        return int(Path(perf_events.MAX_RATE).read_text())
    except (OSError, ValueError):
        return 1 << 31


def _paranoid() -> str:
    try:
        return f" (kernel.perf_event_paranoid is {int(PARANOID.read_text())})"
    except (OSError, ValueError):
        return ""
