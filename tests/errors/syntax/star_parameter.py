from pyebpf import function, tracepoint


@function
def shown(*values):  # error
    print(1)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    shown(1, 2)
