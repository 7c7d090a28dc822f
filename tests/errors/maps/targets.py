from pyebpf import SK, XDP, DevMap, Hash, ReuseportSockArray, SockMap, sk_lookup, sk_reuseport, u32, u64, xdp
from pyebpf.helpers import redirect_map, sk_select_reuseport

ports = DevMap(max_entries=4)
counts = Hash[u32, u64](max_entries=4)
sockets, workers = SockMap(max_entries=4), ReuseportSockArray(max_entries=4)


@xdp
def read(packet):
    return ports[0]  # error


@xdp
def no_targets(packet):
    return redirect_map(counts, 0, 0)  # error


@xdp
def sockets_for_packets(packet):
    return redirect_map(sockets, 0, 0)  # error


@xdp
def written(packet):
    ports[0] = 3  # error
    return XDP.PASS


@sk_reuseport
def number_as_a_key(packet):
    sk_select_reuseport(packet, workers, 1, 0)  # error


@sk_lookup
def not_an_action(ctx):
    return XDP.PASS + 1  # error


@sk_lookup
def written_too(ctx):
    ctx.local_port = 80  # error


@sk_reuseport
def packets_written(packet):
    packet.store(0, u32, 1)  # error
    return SK.PASS
