"""What programs ask malloc for: calls and bytes of each process, and how large the pieces are.

You will see: nothing until Ctrl-C, then tables by process and a histogram of sizes. Every process that uses libc's
malloc runs slower meanwhile; the second command watches one alone. Needs root (CAP_BPF, CAP_PERFMON, and before
Linux 6.6 CAP_SYS_ADMIN), Linux 5.8.

    pyebpf run samples/mallocs.py --for 5
    pyebpf run samples/mallocs.py --attach asked=libc:malloc,pid=1234
"""

from pyebpf import Hash, Histogram, char, comm, u64, uprobe

calls = Hash[char[16], u64](max_entries=10_240)
total = Hash[char[16], u64](max_entries=10_240)
sizes = Histogram(unit="bytes")


@uprobe("libc", "malloc")
def asked(size: u64):
    calls[comm()] += 1
    total[comm()] += size
    sizes.observe(size)
