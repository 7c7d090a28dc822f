from pyebpf import RingBuf, function, pid, struct, tracepoint, u32


@struct
class Event:
    pid: u32


events = RingBuf[Event](size=4096)


@function
def new_event():
    with events.reserve() as event:
        return event  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    event = new_event()
    event.pid = pid()
