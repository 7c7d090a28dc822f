from pyebpf import Histogram, tracepoint, u32

times = Histogram[u32](unit="ns")  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times[1].observe(1)
