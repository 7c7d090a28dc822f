from pyebpf import Array, SpinLock, current_task, struct, tracepoint, u64, user_read


@struct
class Locked:
    lock: SpinLock
    n: u64


out = Array[u64](max_entries=1)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    out[0] = user_read(ctx.args[0])  # error
    out[0] = user_read(ctx.args[0], 8)  # error
    out[0] = user_read(current_task(), u64)  # error
    out[0] = user_read("text", u64)  # error
    out[0] = user_read(ctx.args[0], Locked).n  # error
