"""How long system calls take.

You will see, at the end: a histogram of their latency, by powers of two. Needs root (CAP_BPF, CAP_PERFMON,
and CAP_DAC_READ_SEARCH to read tracefs), Linux 4.7.

    pyebpf run samples/syslat.py --for 5
"""

from pyebpf import Hash, Histogram, ktime_ns, tid, tracepoint, u32, u64

starts = Hash[u32, u64](max_entries=10_240)
latency = Histogram(unit="ns")


@tracepoint("raw_syscalls:sys_enter")
def enter(ctx):
    starts[tid()] = ktime_ns()


@tracepoint("raw_syscalls:sys_exit")
def leave(ctx):
    if (start := starts.pop(tid())) is not None:
        latency.observe(ktime_ns() - start)
