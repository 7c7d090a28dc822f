from pyebpf import Histogram, pid, tracepoint

sizes = Histogram(unit="")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    sizes.observe(pid() - 1000)  # error
