"""Timers, and storage on the kernel's objects. Codes E0530 to E0549."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class NoTimersHere(Diagnostic):
    code: ClassVar = "E0530"
    title: ClassVar = "{hook} programs can't use `{map}`, whose entries have a {word}"
    notes: ClassVar = ("they run in the middle of anything, also of what the kernel does with its timers",)
    help: ClassVar = "use {word}s in {hooks}"
    explanation: ClassVar = """
    The kernel keeps tracing programs from all maps with timers. Programs of the network may have them: one that only
    looks after a map can be a `@socket_filter` or an `@xdp` program.
    """

    hook: str
    map: str
    hooks: str
    word: str = "timer"


@final
@dataclass(frozen=True, slots=True)
class TimerCopied(Diagnostic):
    code: ClassVar = "E0531"
    title: ClassVar = "{type} in a map can't be copied or compared: its {word} is the kernel's"
    notes: ClassVar = ("a {word} in a map is started, never read or written",)
    help: ClassVar = "use its fields, one by one"
    explanation: ClassVar = """
    A `Timer` that lies in a map belongs to the kernel. A struct with one is used through its fields; an entry can be
    written as a whole, which makes it a new one, whose timer doesn't run.

        flows[1] = flows[0]                 # wrong
        flows[1] = Flow(packets=7)          # right
    """

    type: str
    word: str = "timer"


@final
@dataclass(frozen=True, slots=True)
class TimerMember(Diagnostic):
    code: ClassVar = "E0532"
    title: ClassVar = "a timer has no `{name}`"
    notes: ClassVar = ("what is in a timer only the kernel knows",)
    help: ClassVar = "it has start(nanoseconds, callback) and cancel()"
    explanation: ClassVar = """
    A timer is started, which also starts it anew, and cancelled.

        entry.timer.start(1_000_000_000, expire)
        entry.timer.cancel()

    Whether it runs, and when it ends, can't be read; a field of the entry can say it.
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class WorkQueueMember(Diagnostic):
    code: ClassVar = "E0543"
    title: ClassVar = "a work queue has no `{name}`"
    notes: ClassVar = ("what is started can't be taken back; with its entry it goes, if it hasn't begun",)
    help: ClassVar = "it has start(callback)"
    explanation: ClassVar = """
    A work queue is started. Its callback runs soon, in a thread of the kernel, where it may sleep.

        entry.work.start(tidy)
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class TimerNotShared(Diagnostic):
    code: ClassVar = "E0533"
    title: ClassVar = "this {word} is in no map"
    notes: ClassVar = ("a {word} runs on when the program has ended, as long as its entry is there",)
    help: ClassVar = "start the {word} of an entry: flows[key].{field}.start(…)"
    explanation: ClassVar = """
    Only a timer in an entry of a map can be started. A struct that the probe has made is gone when the probe ends.

        flow = Flow(packets=1)
        flow.timer.start(1_000_000, expire)         # wrong

        flows[key] = Flow(packets=1)
        flows[key].timer.start(1_000_000, expire)   # right
    """

    word: str = "timer"
    field: str = "timer"


@final
@dataclass(frozen=True, slots=True)
class WhichMap(Diagnostic):
    code: ClassVar = "E0534"
    title: ClassVar = "this entry may be of {maps}"
    notes: ClassVar = ("the kernel must know whose timer it is, and the callback what its key and entry are",)
    help: ClassVar = "start the timer where the entry is looked up, in each of the ways"
    explanation: ClassVar = """
    Where a name stands for entries of different maps, its timer can't be started through it.

        entry = new[key] if fresh else old[key]
        entry.timer.start(1_000_000, expire)        # wrong

        if fresh:
            new[key].timer.start(1_000_000, expire) # right
        else:
            old[key].timer.start(1_000_000, expire)
    """

    maps: str


@final
@dataclass(frozen=True, slots=True)
class NotACallback(Diagnostic):
    code: ClassVar = "E0535"
    title: ClassVar = "a {word} calls a function, and this is {found}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    What a timer calls is a `@function` of the module, or a function inside the probe. It takes the entry, or its key
    and the entry.

        @function
        def expire(key, flow):
            del flows[key]

        flow.timer.start(1_000_000_000, expire)
    """

    found: str
    hint: str
    word: str = "timer"


@final
@dataclass(frozen=True, slots=True)
class CallbackParameters(Diagnostic):
    code: ClassVar = "E0536"
    title: ClassVar = "`{name}` can't be called by a {word}: it takes {found}"
    notes: ClassVar = ("a {word} gives the entry, or its key and the entry",)
    help: ClassVar = "def {name}(entry): or def {name}(key, entry):"
    explanation: ClassVar = """
    The kernel calls back with the entry that the timer is in. A function of one parameter gets the entry, one of two
    its key and the entry. Parameters with defaults can't be filled.

        def expire(key, flow):
            del flows[key]
    """

    name: str
    found: str
    word: str = "timer"


@final
@dataclass(frozen=True, slots=True)
class CallbackCaptures(Diagnostic):
    code: ClassVar = "E0537"
    title: ClassVar = "`{name}` is gone when the timer calls this function"
    notes: ClassVar = ("a callback runs later, when the program that started the timer has ended",)
    help: ClassVar = "keep it in a field of the entry, or in a Global; constants of the module are seen as ever"
    explanation: ClassVar = """
    A function that a timer calls sees the names of the module, of Python functions around the probe, and those of the
    probe that are constants. Locals, the packet and the context are gone by then.

        @xdp
        def probe(packet):
            size = len(packet)
            def expire(flow):
                flow.last = size        # wrong
            flow = flows[0]
            flow.size = size            # right: and in expire, flow.last = flow.size
            flow.timer.start(1_000_000, expire)
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class CallbackResult(Diagnostic):
    code: ClassVar = "E0538"
    title: ClassVar = "nobody takes what this function returns: a timer calls it"
    help: ClassVar = "return"
    explanation: ClassVar = """
    A function that a timer calls ends with `return`, without a value. What it finds it leaves in the entry, in other
    maps, in a Global or in a ring.
    """


@final
@dataclass(frozen=True, slots=True)
class CancelledInCallback(Diagnostic):
    code: ClassVar = "E0539"
    title: ClassVar = "a callback can't cancel timers"
    notes: ClassVar = (
        "cancelling waits for a callback that is running: two that wait for each other would never end",
        "before Linux 6.10 the kernel doesn't notice that",
    )
    help: ClassVar = "start it with another callback, or let a field of the entry tell its callback to do nothing"
    explanation: ClassVar = """
    `timer.cancel()` waits until the callback has ended if it runs just now, on another CPU. So it belongs to programs,
    not to callbacks, which may start timers, their own among them, and delete entries, which ends their timers.
    """


@final
@dataclass(frozen=True, slots=True)
class CallbackCircle(Diagnostic):
    code: ClassVar = "E0542"
    title: ClassVar = "callbacks start each other in a circle: {circle}"
    notes: ClassVar = (
        "the kernel's verifier goes into each callback that is given to a timer, and wouldn't come to an end",
        "a callback may start the timer of its own entry again, with itself",
    )
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    What a callback gives to timers may give others to timers in turn, but not, in the end, the first one again. The
    one exception: the entry that a callback is called for may be started again with the same callback.

        @function
        def rest(slot):
            slot.timer.start(1_000_000, work)           # wrong, if work starts rest

        @function
        def tick(slot):
            slot.working = not slot.working
            slot.timer.start(1_000_000, tick)           # right
    """

    circle: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NoStorageHere(Diagnostic):
    code: ClassVar = "E0540"
    title: ClassVar = "{hook} programs can't use {kind}"
    notes: ClassVar = ("{why}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Which programs may use storage on the kernel's objects is the kernel's decision: `TaskStorage` and
    `CgroupStorage` all, `SkStorage` those that see a packet and its socket (`@cgroup.skb.ingress`,
    `@cgroup.skb.egress`), `InodeStorage` those of BPF LSM.
    """

    hook: str
    kind: str
    why: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NoSocket(Diagnostic):
    code: ClassVar = "E0541"
    title: ClassVar = "@{hook} programs have no `socket`"
    notes: ClassVar = ("{why}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    `packet.socket` is the socket that a packet comes from or goes to. Where the packet is seen by
    `@cgroup.skb.ingress` or `@cgroup.skb.egress` it is known. It is the key of a `SkStorage`, and has no fields of its
    own.
    """

    hook: str
    why: str
    hint: str
