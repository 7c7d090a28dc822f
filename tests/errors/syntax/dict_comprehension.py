from pyebpf import tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    squares = {i: i * i for i in range(4)}  # error
    print(squares)
