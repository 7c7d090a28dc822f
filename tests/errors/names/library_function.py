import time

from pyebpf import Histogram, tracepoint

times = Histogram(unit="ns")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(time.monotonic_ns())  # error
