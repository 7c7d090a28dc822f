"""Who makes how many system calls.

You will see, at the end: a table of programs and their number of system calls. Needs root (CAP_BPF, CAP_PERFMON,
and CAP_DAC_READ_SEARCH to read tracefs), Linux 4.7.

    pyebpf run samples/syscount.py --for 5
"""

from pyebpf import Hash, char, comm, tracepoint, u64

counts = Hash[char[16], u64](max_entries=10_240)


@tracepoint("raw_syscalls:sys_enter")
def on_syscall(ctx):
    counts[comm()] += 1
