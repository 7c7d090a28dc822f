from pyebpf import Hash, RingBuf, pid, struct, tracepoint, u32, u64


@struct
class Event:
    pid: u32


counts = Hash[u32, u64](max_entries=1024)
events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[pidd()] += 1  # error
    with events.reserve() as event:
        event.pid = "bash"  # error
        event.name = "bash"  # error
    start = times.pop(pid())  # error
    counts[0] += start
