from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    try:
        counts[0] = counts[pid()]
    except KeyError as error:  # error
        pass
