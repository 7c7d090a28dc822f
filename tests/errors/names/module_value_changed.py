from pyebpf import tracepoint

total = 0


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    total += 1  # error
