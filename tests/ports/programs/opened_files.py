"""The names of files that a process opens, each with its flags taken apart."""

from enum import IntEnum

from pyebpf import Config, RingBuf, char, pid, struct, tracepoint, u32, user_str


class Mode(IntEnum):
    READ = 0
    WRITE = 1
    BOTH = 2
    NEITHER = 3


@struct
class Opened:
    mode: Mode
    create: bool
    truncate: bool
    name: char[128]


target = Config[u32](0)
opened = RingBuf[Opened](size=64 * 1024)


@tracepoint("syscalls:sys_enter_openat")
def on_openat(ctx):
    if pid() != target.value:
        return
    with opened.reserve() as event:
        event.mode = Mode(ctx.flags & 3)
        event.create = ctx.flags & 0o100 != 0
        event.truncate = ctx.flags & 0o1000 != 0
        event.name = user_str(ctx.filename)
