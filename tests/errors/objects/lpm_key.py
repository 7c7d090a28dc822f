from pyebpf import XDP, Ethernet, IPv4Network, LpmTrie, comm, tracepoint, u8

blocked = LpmTrie[IPv4Network, u8](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if comm() in blocked:  # error
        return
