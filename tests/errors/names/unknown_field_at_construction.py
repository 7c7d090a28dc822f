from pyebpf import Hash, pid, struct, tracepoint, u32


@struct
class Event:
    pid: u32


last = Hash[u32, Event](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    last[0] = Event(pdi=pid())  # error
