"""Sockets that programs look for: by addresses in tc, and in a SockMap, for packets that another port's socket gets."""

import socket
import struct

from surroundings import own_network

from pyebpf import (
    BPF_F_CURRENT_NETNS,
    SK,
    TC,
    Array,
    Ethernet,
    IPv4,
    IPv4Address,
    NullPointerError,
    SkStorage,
    SockMap,
    Tcp,
    be16,
    sk_lookup,
    tc,
    u32,
    u64,
)
from pyebpf import struct as record
from pyebpf.helpers import get_listener_sock, sk_assign, sk_lookup_tcp, sk_lookup_udp, skc_lookup_tcp, tcp_sock

SINCE = (5, 9)
ATTACH = False
LISTEN = 10


@record
class Flow:
    """`struct bpf_sock_tuple`: who a packet is from, and to."""

    saddr: IPv4Address
    daddr: IPv4Address
    sport: be16
    dport: be16


@record
class Seen:
    times: u64
    state: u32
    family: u32
    port: u32
    window: u32
    missing: u64
    half: u32
    listens: u32
    address: IPv4Address


ports = SockMap(max_entries=2)
found = Array[Seen](max_entries=1)
marks = SkStorage[u64]()


@tc.ingress
def looking(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    tcp = packet.parse(Tcp)
    flow = Flow(saddr=ip.saddr, daddr=ip.daddr, sport=tcp.source, dport=tcp.dest)
    seen = found[0]
    try:
        with sk_lookup_tcp(packet, flow, BPF_F_CURRENT_NETNS, 0) as there:
            seen.times += 1
            seen.state, seen.family, seen.port = there.state, there.family, there.src_port
            seen.address = there.src_ip4
            marks[there] += 1
            details = tcp_sock(there)
            if details is not None:
                seen.window = details.snd_cwnd
            listener = get_listener_sock(there)
            seen.listens = 0 if listener is None else listener.src_port
        with skc_lookup_tcp(packet, flow, BPF_F_CURRENT_NETNS, 0) as half:
            seen.half = half.state
    except NullPointerError:
        seen.missing += 1
    try:
        with sk_lookup_udp(packet, flow, BPF_F_CURRENT_NETNS, 0) as other:
            sk_assign(packet, other, 0)
            seen.missing += 100
    except NullPointerError:
        return TC.OK


@sk_lookup
def steering(ctx):
    if ctx.local_port == 4243:
        with ports[1] as chosen:
            sk_assign(ctx, chosen, 0)
    return SK.PASS


def to_port(port: int) -> bytes:
    """The first segment of a connection to 127.0.0.1."""
    address = socket.inet_aton("127.0.0.1")
    tcp = struct.pack("!HHIIBBHHH", 40_000, port, 1, 0, 5 << 4, 2, 1000, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0, address, address)
    return bytes(12) + struct.pack("!H", 0x0800) + ip + tcp


def check(session):
    own_network()
    with socket.create_server(("127.0.0.1", 4242)) as server:
        session.programs["looking"].test_run(data=to_port(4242))
        session.programs["looking"].test_run(data=to_port(4244))
        seen = session.maps["found"][0]
        assert (seen.times, seen.missing) == (1, 1), seen
        assert (seen.state, seen.half, seen.family, seen.port) == (LISTEN, LISTEN, socket.AF_INET, 4242), seen
        assert str(seen.address) == "127.0.0.1" and seen.window > 0 and seen.listens == 4242, seen
        assert session.maps["marks"][server] == 1
        assert not session.faults
        session.maps["ports"][1] = server
        session.attach("steering", "/proc/thread-self/ns/net")
        with socket.create_connection(("127.0.0.1", 4243), timeout=10) as client:
            connection, address = server.accept()
            connection.close()
            assert address == client.getsockname()
        del session.maps["ports"][1]
        try:
            socket.create_connection(("127.0.0.1", 4243), timeout=10).close()
        except ConnectionRefusedError:
            pass
        else:
            raise AssertionError("somebody listens")
        assert [fault.kind for fault in session.faults] == ["NullPointerError"]
