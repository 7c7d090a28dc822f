from pyebpf import Histogram, ktime_ns, tracepoint

times = Histogram(unit=1000)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(ktime_ns())
