from pyebpf import Histogram, ktime_ns, tracepoint

times = Histogram(unit="ms")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(ktime_ns() >> -3)  # error
