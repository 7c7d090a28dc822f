from pyebpf import Global, function, pid, tracepoint, u32

out = Global[u32](0)

@function
def limits(process):
    if process > 100:
        return 1, 2
    return 3  # error

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    low, high = limits(pid())
    out.value = low
