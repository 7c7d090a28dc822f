from pyebpf import RingBuf, pid, struct, tracepoint, u32


@struct
class Event:
    pid: u32


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    events[0] = Event(pid=pid())  # error
