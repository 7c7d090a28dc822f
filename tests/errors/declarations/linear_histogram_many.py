from pyebpf import LinearHistogram, tracepoint

parts = LinearHistogram(0, 1_000_000, 10)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    parts.observe(1)
