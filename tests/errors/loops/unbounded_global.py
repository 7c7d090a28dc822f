from pyebpf import Array, Global, tracepoint, u64

cells = Array[u64](max_entries=8)
rounds = Global[u64](4)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for i in range(rounds.value):  # error
        cells[i & 7] += 1
