"""Bytes that leave each cgroup.

You will see, at the end: a table of cgroups (by id) with bytes. Needs root (CAP_BPF, CAP_NET_ADMIN),
Linux 5.7.

    pyebpf run samples/egress.py --attach egress=/sys/fs/cgroup/system.slice
"""

from pyebpf import PerCpuHash, cgroup, cgroup_id, u64

sent = PerCpuHash[u64, u64](max_entries=4_096)  # cgroup id → bytes


@cgroup.skb.egress
def egress(packet):
    sent[cgroup_id()] += len(packet)
