from pyebpf import Histogram, ktime_ns, tracepoint

SAMPLE = 0
times = Histogram(unit="ms")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(ktime_ns() % SAMPLE)  # error
