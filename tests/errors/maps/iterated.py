from pyebpf import IPv4Network, LpmTrie, tracepoint, u8

counts = LpmTrie[IPv4Network, u8](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for key in counts:  # error
        pass
