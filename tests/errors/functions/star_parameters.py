from pyebpf import function, pid, tracepoint

@function
def total(*values):  # error
    return values[0]

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(total(pid()))
