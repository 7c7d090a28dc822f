from pyebpf import tracepoint

total = 0


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    global total  # error
    total += 1
