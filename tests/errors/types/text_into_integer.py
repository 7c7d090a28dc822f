from pyebpf import RingBuf, comm, struct, tracepoint, u32


@struct
class Event:
    pid: u32


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.pid = comm()  # error
