"""Sockets on the way through their states: addresses, ports, family and protocol, and what is particular to TCP."""

import os
import socket

from pyebpf import Global, Hash, cast, pid, raw_tracepoint, struct, u8, u16, u32

SINCE = (5, 10)
PORTABLE = True


@struct
class Ends:
    local: u32
    remote: u32
    local_port: u16
    remote_port: u16
    family: u16
    protocol: u16
    type: u16
    mark: u32
    network: u32
    uid: u32
    receive: u32
    mss: u32
    no_delay: u8


watched = Global[u32](0)
found = Hash[u32, Ends](max_entries=16)


@raw_tracepoint("inet_sock_set_state")
def read_socket(ctx):
    if pid() != watched.value:
        return
    sk = cast(ctx.args[0], "struct sock")
    state = u32(ctx.args[2])
    tcp = cast(sk, "struct tcp_sock")
    ends = Ends()
    ends.local = sk.__sk_common.skc_rcv_saddr
    ends.remote = sk.__sk_common.skc_daddr
    ends.local_port = sk.__sk_common.skc_num
    ends.remote_port = sk.__sk_common.skc_dport
    ends.family = sk.__sk_common.skc_family
    ends.protocol = sk.sk_protocol
    ends.type = sk.sk_type
    ends.mark = sk.sk_mark
    ends.network = sk.__sk_common.skc_net.net.ns.inum
    ends.receive = u32(sk.sk_rcvbuf)
    ends.mss = tcp.mss_cache
    ends.no_delay = tcp.nonagle
    found[state] = ends


def check(session):
    with socket.socket() as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x5EED)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 40_000)
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.bind(("127.0.0.2", 0))
        session.variables["watched"].value = os.getpid()
        client.connect(server.getsockname())
        session.variables["watched"].value = 0
        out = session.maps["found"][2]  # TCP_SYN_SENT, before anything is on its way
        port = server.getsockname()[1]
        assert out.remote_port == port
        assert out.local_port in (0, client.getsockname()[1])
        assert (out.family, out.protocol, out.type) == (socket.AF_INET, socket.IPPROTO_TCP, socket.SOCK_STREAM)
        assert out.local.to_bytes(4, "big") == socket.inet_aton("127.0.0.2")
        assert out.remote.to_bytes(4, "big") == socket.inet_aton("127.0.0.1")
        assert out.mark == 0x5EED
        assert out.network == os.stat("/proc/self/ns/net").st_ino
        assert out.receive == client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert out.no_delay & 1
