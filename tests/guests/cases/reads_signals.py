"""A signal on its way: who is hit, what waits for him, and how his handlers are set; bit sets and arrays of structs."""

import os
import signal

from pyebpf import Array, Global, cast, current_task, pid, raw_tracepoint, struct, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class Signals:
    number: u32
    target: u32
    sender: u32
    blocked: u64
    ignored: bool
    flags: u64


watched = Global[u32](0)
found = Array[Signals](max_entries=1)


@raw_tracepoint("signal_generate")
def read_signal(ctx):
    if pid() != watched.value or u32(ctx.args[0]) != 10:  # SIGUSR1
        return
    target = cast(ctx.args[2], "struct task_struct")
    out = found[0]
    out.number = u32(ctx.args[0])
    out.target = target.tgid
    out.sender = current_task().tgid
    out.blocked = target.blocked.sig[0]
    action = target.sighand.action[9]
    out.flags = action.sa.sa_flags
    out.ignored = action.sa.sa_handler is not None


def check(session):
    old = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        session.variables["watched"].value = os.getpid()
        os.kill(os.getpid(), signal.SIGUSR1)
        session.variables["watched"].value = 0
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        signal.signal(signal.SIGUSR1, old)
    out = session.maps["found"][0]
    assert (out.number, out.target, out.sender) == (10, os.getpid(), os.getpid())
    assert out.blocked >> (signal.SIGUSR2 - 1) & 1
    assert out.ignored  # SIG_IGN is 1, and no function
