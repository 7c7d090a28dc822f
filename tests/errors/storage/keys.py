from pyebpf import CgroupStorage, SkStorage, cgroup, cgroup_id, current_cgroup, current_task, u64

counts = CgroupStorage[u64]()
uses = SkStorage[u64]()


@cgroup.skb.egress
def probe(packet):
    counts[cgroup_id()] += 1  # error
    counts[current_task()] += 1  # error
    counts[packet.socket] += 1  # error
    uses[current_cgroup()] += 1  # error
    uses[packet] += 1  # error
    group = current_cgroup()
    counts[group] = 1  # error
    sock = packet.socket
    uses[sock] = 1  # error
    counts[current_cgroup(1)] = 1  # error
    uses.pop(packet.socket)  # error
    counts[current_cgroup()] = packet.socket.famly  # error
    return packet.sockets  # error
