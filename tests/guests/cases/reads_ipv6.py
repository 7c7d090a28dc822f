"""IPv6 sockets on the way through their states: addresses as arrays and in parts, and the ports."""

import ipaddress
import os
import socket

from pyebpf import Array, Global, IPv6Address, pid, struct, tp_btf, u8, u16, u32

SINCE = (5, 10)
PORTABLE = True


@struct
class Ends:
    local: IPv6Address
    remote: u8[16]
    last: u32
    first: u16
    port: u16
    family: u16
    only: u8
    old: u32


watched = Global[u32](0)
found = Array[Ends](max_entries=16)


@tp_btf("inet_sock_set_state")
def on_state(sk, oldstate, newstate):
    if pid() != watched.value:
        return
    common, out = sk.__sk_common, found[newstate]
    out.local = common.skc_v6_rcv_saddr.in6_u.u6_addr8
    out.remote = common.skc_v6_daddr.in6_u.u6_addr8
    out.last = common.skc_v6_daddr.in6_u.u6_addr32[3]
    out.first = common.skc_v6_rcv_saddr.in6_u.u6_addr16[0]
    out.port = common.skc_dport
    out.family = common.skc_family
    out.only = common.skc_ipv6only
    out.old = u32(oldstate)


def check(session):
    with socket.socket(socket.AF_INET6) as server, socket.socket(socket.AF_INET6) as client:
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(("::1", 0))
        server.listen()
        client.bind(("::1", 0))
        session.variables["watched"].value = os.getpid()
        client.connect(server.getsockname())
        session.variables["watched"].value = 0
        out = session.maps["found"][2]  # TCP_SYN_SENT
        assert out.local == ipaddress.IPv6Address("::1")
        assert bytes(out.remote) == ipaddress.IPv6Address("::1").packed
        assert (out.last, out.first) == (1, 0)
        assert (out.port, out.family) == (server.getsockname()[1], socket.AF_INET6)
        assert (out.only, out.old) == (1, 7)  # TCP_CLOSE
