from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if pid() == 1:
        break  # error
