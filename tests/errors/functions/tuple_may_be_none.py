from pyebpf import Global, function, i64, pid, tracepoint

out = Global[i64](0)

@function
def limits(process):
    if process > 100:
        return 1, 2

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    low, high = limits(pid())  # error
    found = limits(pid())
    out.value = found[0]  # error
