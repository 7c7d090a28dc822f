from pyebpf import RingBuf, pid, struct, tracepoint, u8


@struct
class Event:
    kind: u8


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.kind = pid() // 100  # error
