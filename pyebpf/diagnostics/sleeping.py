"""Programs that may sleep. Codes E0571 to E0573."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class SleepsHere(Diagnostic):
    code: ClassVar = "E0571"
    title: ClassVar = "`{name}` may sleep, and {where} nothing may"
    help: ClassVar = "call it before, or behind"
    explanation: ClassVar = """
    A program with `sleepable=True` may wait, but not everywhere: inside of `with rcu:` and of
    `with bpf_preempt_disable():` the kernel waits for the program, and a loop over a map's entries runs in such a
    section too.

        with rcu:
            copy_from_user(buffer, address)     # wrong

        copy_from_user(buffer, address)         # right
        with rcu:
            parent = task.real_parent.tgid
    """

    name: str
    where: str


@final
@dataclass(frozen=True, slots=True)
class MapAwake(Diagnostic):
    code: ClassVar = "E0572"
    title: ClassVar = "programs that may sleep can't use the {kind} `{name}`"
    notes: ClassVar = ("the kernel frees the entries of such maps without waiting for programs that sleep",)
    help: ClassVar = "they can use {others}; or leave out sleepable=True"
    explanation: ClassVar = """
    A program with `sleepable=True` may hold an entry of a map for a long time. The kernel lets it have those kinds of
    maps only that wait for it: hash maps and arrays, ring buffers, storage on tasks, sockets and inodes, and on later
    kernels queues and tries.
    """

    kind: str
    name: str
    others: str


@final
@dataclass(frozen=True, slots=True)
class NeverAsleep(Diagnostic):
    code: ClassVar = "E0573"
    title: ClassVar = "programs that may sleep can't be on the {what} `{name}`"
    notes: ClassVar = ("{reason}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Whether a program may wait depends on who calls it. At some security hooks it may, and where functions begin and end
    into which errors may be injected, the system calls among them (`__x64_sys_openat`), on kernels that are built for
    that (CONFIG_FUNCTION_ERROR_INJECTION). Elsewhere locks are held, or interrupts are off.

        @lsm("task_kill", sleepable=True)           # wrong
        @lsm("task_kill")                           # right
        @lsm("file_open", sleepable=True)           # right
    """

    what: str
    name: str
    reason: str
    hint: str
