from pyebpf import XDP, Hash, cgroup_id, u64, xdp

counts = Hash[u64, u64](max_entries=1024)


@xdp
def drop(packet):
    counts[cgroup_id()] += 1  # error
    return XDP.PASS
