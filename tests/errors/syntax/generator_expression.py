from pyebpf import tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(max(i * i for i in range(4)))  # error
