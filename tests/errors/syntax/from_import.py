from pyebpf import tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    from os import O_RDONLY  # error

    print(O_RDONLY)
