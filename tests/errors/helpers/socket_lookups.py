from pyebpf import BPF_F_CURRENT_NETNS, SockMap, TC, Array, cgroup, tc, u8, u64
from pyebpf.helpers import sk_lookup_tcp, sk_release, skc_lookup_tcp

ports = SockMap(max_entries=2)
sums = Array[u64](max_entries=2)


@tc.ingress
def probe(packet):
    flow = u8[12]()
    found = sk_lookup_tcp(packet, flow, BPF_F_CURRENT_NETNS, 0)  # error
    sk_release(found)  # error
    with skc_lookup_tcp(packet, flow, BPF_F_CURRENT_NETNS, 0) as half:
        sums[0] = half.mark  # error
    with ports[0]:  # error
        sums[1] += 1
    with ports["one"] as socket:  # error
        sums[1] += 1
    with ports[1] as socket:
        sums[1] += socket.sate  # error
    ports[1] += 1  # error
    packet.socket.mark = 3  # error
    return TC.OK


@cgroup.sock_create
def no_release(ctx):
    with ports[0] as socket:  # error
        sums[1] += socket.state
    return 1
