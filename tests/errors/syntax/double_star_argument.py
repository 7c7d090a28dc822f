from pyebpf import function, tracepoint

options = {"x": 1}


@function
def shown(x=0):
    print(x)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    shown(**options)  # error
