"""Null in the kernel's structs, followed in all the ways that there are: each is NullPointerError, also where the
kernel has memory at address 0 (s390x)."""

import os

from surroundings import ask_priority

from pyebpf import (
    Array,
    Config,
    Global,
    Kernel,
    NullPointerError,
    char,
    current_task,
    function,
    kernel_read,
    kernel_str,
    pid,
    raw_tracepoint,
    u32,
    u64,
)

SINCE = (5, 10)
GETPRIORITY = {"x86_64": 140, "aarch64": 141, "s390x": 96}[os.uname().machine]

only, number = Config[u32](0), Config[u64](0)
null = Array[u32](max_entries=8)
came = Global[u64](0)
text, nothing = Global[char[16]]("before"), Global[char[16]]("before")
read = Global[u64](0)


@function
def first_of_all():
    task = current_task().real_parent
    for _ in range(16):
        task = task.real_parent
    return task


@raw_tracepoint("sys_enter")
def numbers(ctx):
    if pid() != only.value or ctx.args[1] != number.value:
        return
    task = first_of_all()
    came.value += 1
    try:
        read.value += task.mm.start_code
    except NullPointerError:
        null[0] += 1
    try:
        read.value += task.mm.exe_file.f_inode.i_ino
    except NullPointerError:
        null[1] += 1
    try:
        read.value += task.mm.owner.in_iowait
    except NullPointerError:
        null[2] += 1
    try:
        read.value += task.mm.owner.signal.rlim[number.value % 8].rlim_cur
    except NullPointerError:
        null[3] += 1


@raw_tracepoint("sys_enter")
def addresses(ctx):
    if pid() != only.value or ctx.args[1] != number.value:
        return
    task = first_of_all()
    try:
        text.value = task.mm.owner.comm
    except NullPointerError:
        null[4] += 1
    try:
        read.value += kernel_read(u64(task.mm), u64)
    except NullPointerError:
        null[5] += 1
    try:
        memory: Kernel["struct mm_struct"] = task.mm
        read.value += memory.total_vm
    except NullPointerError:
        null[6] += 1
    nothing.value = kernel_str(u64(task.mm))
    null[7] += 1


def config():
    return {"only": os.getpid(), "number": GETPRIORITY}


def check(session):
    ask_priority(1)
    assert session.variables["came"].value == 1
    assert list(session.maps["null"]) == [1] * 8
    assert session.variables["read"].value == 0
    assert session.variables["text"].value == "before"
    assert session.variables["nothing"].value == ""
