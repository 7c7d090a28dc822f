from pyebpf import Hash, cgroup_id, socket_filter, u64

counts = Hash[u64, u64](max_entries=1024)


@socket_filter
def probe(packet):
    counts[cgroup_id()] += 1  # error
    return 0
