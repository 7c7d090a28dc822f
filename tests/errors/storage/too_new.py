# options: --kernel 6.1
from pyebpf import CgroupStorage, SkStorage, cgroup, current_cgroup, u64

counts = CgroupStorage[u64]()
uses = SkStorage[u64]()


@cgroup.skb.egress
def probe(packet):
    uses[packet.socket] += 1
    counts[current_cgroup()] += 1  # error
    return 1
