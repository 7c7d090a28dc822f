from pyebpf import Array, Global, i32, tracepoint, u64

cells = Array[u64](max_entries=8)
step = Global[i32](1)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    stride = step.value
    for i in range(0, 8, stride):  # error
        cells[i] += 1
    for i in range(8, 0, -stride):  # error
        cells[i - 1] += 1
