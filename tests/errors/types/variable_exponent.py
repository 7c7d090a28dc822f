from pyebpf import Histogram, cpu, tracepoint

times = Histogram(unit="ms")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(2 ** cpu())  # error
