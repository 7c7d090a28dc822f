from pyebpf import Hash, comm, pid, struct, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@struct
class Event:
    pid: u32


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    pid()  # warning
    u32(300)  # warning
    counts.get(4)  # warning
    comm().startswith("a")  # warning
    Event(pid=4)  # warning
    counts.pop(4)
    print("called")
