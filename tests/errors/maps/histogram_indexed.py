from pyebpf import Histogram, ktime_ns, tracepoint

times = Histogram(unit="ns")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times[ktime_ns()] += 1  # error
