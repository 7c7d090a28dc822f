"""Gives a cgroup a budget of bytes: what goes over it is dropped."""

from pyebpf import Global, cgroup, u64

budget = Global[u64](0)
spent = Global[u64](0)
dropped = Global[u64](0)


@cgroup.skb.egress
def spend(packet):
    size = len(packet)
    if spent.value + size > budget.value:
        dropped.value += 1
        return 0
    spent.value += size
    return 1
