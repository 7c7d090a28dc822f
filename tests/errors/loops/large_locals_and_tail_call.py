from pyebpf import ProgArray, cgroup, u64

jumps = ProgArray(max_entries=2)


@cgroup.skb.egress
def probe(packet):
    table = u64[100]()  # error
    table[packet.load(0, u64) % 100] = 1
    if table[5] == 1:
        return jumps[1](packet)
    return 1
