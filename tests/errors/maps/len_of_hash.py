from pyebpf import Global, Hash, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)
size = Global[u64](0)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    size.value = len(counts)  # error
