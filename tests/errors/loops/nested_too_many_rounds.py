from pyebpf import Array, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for i in range(5000):  # error
        for j in range(5000):
            cells[(i + j) & 7] += 1
