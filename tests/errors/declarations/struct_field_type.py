from pyebpf import RingBuf, struct, tracepoint, u32


@struct
class Event:
    pid: u32
    load: float  # error


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.pid = 1
