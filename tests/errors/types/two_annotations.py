from pyebpf import Hash, pid, tracepoint, u8, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    x: u32 = pid()
    counts[x] += 1
    x: u8 = 1  # error
    counts[x] += 1
