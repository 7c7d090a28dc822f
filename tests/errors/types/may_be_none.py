from pyebpf import Hash, Histogram, ktime_ns, tid, tracepoint, u32, u64

starts = Hash[u32, u64](max_entries=1024)
times = Histogram(unit="ns")


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    start = starts.pop(tid())
    times.observe(ktime_ns() - start)  # error
