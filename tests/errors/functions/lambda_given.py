from pyebpf import function, pid, tracepoint

@function
def applied(f, x):
    return f(x)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(applied(lambda x: x + 1, pid()))  # error
