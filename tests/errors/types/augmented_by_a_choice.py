from pyebpf import pid, struct, tracepoint, u16, uid

@struct
class Counter:
    seen: u16

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counter = Counter()
    counter.seen -= 1 if pid() else 0  # error
    assert counter.seen == 1
    counter.seen = u16(uid())
    counter.seen += ctx.id & 7  # error
