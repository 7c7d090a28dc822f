from pyebpf import PerfEventArray, pid, struct, tracepoint, u32


@struct
class Event:
    pid: u32


events = PerfEventArray[Event](pages=100)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.pid = pid()
