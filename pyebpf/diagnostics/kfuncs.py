"""Kfuncs. Codes E0518 to E0522, E0555 to E0559, W0145."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class KfuncNeedsWith(Diagnostic):
    code: ClassVar = "E0518"
    title: ClassVar = "`{name}` belongs to a `with` statement"
    notes: ClassVar = ("the kernel refuses programs that could keep what they must give back",)
    help: ClassVar = "with {call}:"
    explanation: ClassVar = """
    Some kfuncs hand out what must be given back: a task, a cgroup, a read lock. The `with` block does that on every
    way out. A task that isn't there is a NullPointerError.

        task = bpf_task_from_pid(1)             # wrong

        with bpf_task_from_pid(1) as task:      # right
            name = task.comm
    """

    name: str
    call: str


@final
@dataclass(frozen=True, slots=True)
class GivenBack(Diagnostic):
    code: ClassVar = "E0570"
    title: ClassVar = "this was given back at the end of the block of line {line}"
    label: ClassVar = "it may be gone"
    notes: ClassVar = ("a name that still refers to it doesn't keep it",)
    help: ClassVar = "move this into the `with` block, or take out of it there what is needed here"
    explanation: ClassVar = """
    What a `with` block holds is the program's until its end. Another name for it doesn't change that.

        with bpf_task_from_pid(1) as task:
            first = task
        counts[first.pid] += 1              # wrong: it may be gone

        with bpf_task_from_pid(1) as task:
            number = task.pid
        counts[number] += 1                 # right
    """

    line: int


@final
@dataclass(frozen=True, slots=True)
class KfuncType(Diagnostic):
    code: ClassVar = "E0519"
    title: ClassVar = "`{name}` can't be called from a probe: it {what}"
    explanation: ClassVar = """
    Kfuncs are called with integers, with the packet, with arrays and structs of the program's own (a size follows by
    itself), with text, with dynptrs, and with kernel structs that a `with` block holds; what they give is an integer, a
    bool, a part of a dynptr, or nothing. Those that take callbacks or locks, or give other addresses, have
    no place in the language.
    """

    name: str
    what: str


@final
@dataclass(frozen=True, slots=True)
class UnknownKfunc(Diagnostic):
    code: ClassVar = "E0520"
    title: ClassVar = "this kernel has no kfunc `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Kfuncs come and go with kernels: which there are, and what they take, is in the kernel's BTF. `--btf FILE` compiles
    for another kernel.
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NotHeld(Diagnostic):
    code: ClassVar = "E0521"
    title: ClassVar = "the kernel doesn't trust `{pointer}`"
    notes: ClassVar = ("it takes only pointers that it gave out itself, and knows to be valid",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    A kfunc takes a kernel struct only where a `with` block holds it, or RCU what an entry of a map refers to. What was
    read from the kernel's memory may be gone. A name is as good as what it was given, if one place gives it.
    """

    pointer: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class HeldAround(Diagnostic):
    code: ClassVar = "E0522"
    title: ClassVar = "a loop over a map's entries can't be left with something to give back"
    notes: ClassVar = ("the kernel runs such a loop as a function of its own, which can't give back what others hold",)
    help: ClassVar = "take what the loop needs out of the `with` block, and loop after it"
    explanation: ClassVar = """
    The kernel runs a loop over a map's entries as a function of its own, and what a block around it holds is given back
    behind that function, also where `return`, `break` out of the block or a fault leaves the loop. That can't be done
    if a `finally` comes after it, or if the loop has blocks of the same kind in it: which is ended can't be told then.

        with bpf_preempt_disable():
            for key in table:               # wrong
                with bpf_preempt_disable():
                    if key == wanted:
                        return XDP.DROP

        with bpf_preempt_disable():
            for key in table:               # right
                if key == wanted:
                    return XDP.DROP
    """


@final
@dataclass(frozen=True, slots=True)
class KfuncNotHere(Diagnostic):
    code: ClassVar = "E0555"
    title: ClassVar = "`{name}` can't be called from {hook} program"
    notes: ClassVar = ("{reason}",)
    explanation: ClassVar = """
    Each kfunc is there for some kinds of programs: those of tasks for XDP and for tracing programs, for instance, those
    of sets of CPUs for tracing programs only.
    """

    name: str
    hook: str
    reason: str


@final
@dataclass(frozen=True, slots=True)
class IteratorNeedsFor(Diagnostic):
    code: ClassVar = "E0556"
    title: ClassVar = "`{name}` belongs to a `for` statement"
    notes: ClassVar = ("the kernel refuses programs that could begin an iterator and not end it",)
    help: ClassVar = "for item in {call}:"
    explanation: ClassVar = """
    An iterator of the kernel's is three kfuncs, which begin it, give the next item, and end it. Here it is one name,
    and what a `for` loop goes through; it is ended on every way out.

        bpf_iter_task_new(…)                                    # wrong

        for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):   # right
            processes += 1
    """

    name: str
    call: str


@final
@dataclass(frozen=True, slots=True)
class OnlyUnderRcu(Diagnostic):
    code: ClassVar = "E0557"
    title: ClassVar = "`{kfunc}` doesn't take `{pointer}`, which may be on its way out"
    notes: ClassVar = ("RCU alone keeps it: it stays in memory for the moment, but may not be in use any more",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    Tasks and cgroups that an iterator comes to, and what a field of an entry refers to, are kept in memory by RCU
    alone. They can be read, and given to the few kfuncs that take such structs (KF_RCU). One of these holds them, and
    what it gives all others take.

        for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
            bpf_get_task_exe_file(task)                         # wrong

            with bpf_task_acquire(task) as held:                # right
                with bpf_get_task_exe_file(held) as file:
                    …
    """

    pointer: str
    kfunc: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class ItemGone(Diagnostic):
    code: ClassVar = "E0558"
    title: ClassVar = "`{name}` is used after its loop"
    label: ClassVar = "the kernel's iterator has let it go when the loop ended"
    help: ClassVar = "keep what you need of it before the loop ends: pid = {name}.pid"
    explanation: ClassVar = """
    The kernel keeps a struct that an iterator hands out until the next one, or until the loop ends. What was read from
    it stays.

        for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
            if task.comm == "init":
                break
        found.value = task.pid          # wrong

        for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
            if task.comm == "init":
                found.value = task.pid  # right
                break
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class IteratorNeedsRcu(Diagnostic):
    code: ClassVar = "E0559"
    title: ClassVar = "in a program that may sleep, `{name}` stands in `with rcu:`"
    notes: ClassVar = ("RCU alone keeps what it hands out, and here it doesn't go without saying",)
    help: ClassVar = "with rcu:"
    explanation: ClassVar = """
    Most programs run under RCU's read lock; those with `sleepable=True` take it where they need it, and don't sleep
    meanwhile.

        for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):       # wrong
            processes += 1

        with rcu:                                                   # right
            for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
                processes += 1
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class KfuncUndated(Diagnostic):
    code: ClassVar = "W0145"
    title: ClassVar = "whether Linux {kernel} has the kfunc `{name}` isn't known here"
    notes: ClassVar = ("BTF has no versions: this kernel's types say what it takes here, and nothing of other kernels",)
    help: ClassVar = "compile with the types of that kernel: --btf FILE"
    explanation: ClassVar = """
    With `--kernel 6.6` an object is for that kernel and later ones. The first kernels of well-known kfuncs are known;
    others come and go, and the kernel that loads the object decides.
    """

    name: str
    kernel: str
