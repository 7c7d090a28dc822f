from pyebpf import LinearHistogram, tracepoint

parts = LinearHistogram(0, 100, 7)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    parts.observe(1)
