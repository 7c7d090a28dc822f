from pyebpf import Hash, tracepoint, u32, u64

one = Hash[u32, u64](max_entries=8)
two = Hash[u32, u64](max_entries=8)
ALL = (one, two) * 5


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for first in ALL:
        for second in ALL:  # error
            first[1] = second[2]
