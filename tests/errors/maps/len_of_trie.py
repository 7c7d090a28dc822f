from pyebpf import Global, IPv4Network, LpmTrie, tracepoint, u8, u64

counts = LpmTrie[IPv4Network, u8](max_entries=1024)
size = Global[u64](0)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    size.value = len(counts)  # error
