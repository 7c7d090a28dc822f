from pyebpf import Histogram, comm, tracepoint

times = Histogram(unit="ns")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(comm())  # error
