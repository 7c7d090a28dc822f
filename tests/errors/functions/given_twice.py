from pyebpf import function, pid, tracepoint

@function
def scaled(value, /, by=2, *, plus=0):
    return value * by + plus

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(scaled(pid(), 2, by=3))  # error
    print(scaled(value=pid()))  # error
    print(scaled(pid(), 2, 3))  # error
    print(scaled(pid(), add=3))  # error
    print(scaled(by=3))  # error
