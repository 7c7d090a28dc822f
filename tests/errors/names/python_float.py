from pyebpf import Histogram, ktime_ns, tracepoint

SCALE = 0.5
times = Histogram(unit="ns")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(ktime_ns() * SCALE)  # error
