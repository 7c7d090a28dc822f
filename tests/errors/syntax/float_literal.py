from pyebpf import Histogram, ktime_ns, tracepoint

times = Histogram(unit="us")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(ktime_ns() * 0.001)  # error
