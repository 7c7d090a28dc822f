from pyebpf import RingBuf, pid, struct, tracepoint


@struct
class Event:
    first: bool


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.first = pid()  # error
