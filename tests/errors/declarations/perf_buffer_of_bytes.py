from pyebpf import PerfEventArray, pid, tracepoint

events = PerfEventArray[bytes](pages=16)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    events.output(pid())
