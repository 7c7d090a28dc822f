from pyebpf import tracepoint

LIMITS = (1, 2)
LAST = LIMITS[2]  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(LAST)
