from pyebpf import Array, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    cells[-9] += 1  # error
