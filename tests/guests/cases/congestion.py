"""Congestion control by a class of operations, which a socket of its own chooses."""

import socket

from pyebpf import Global, Kernel, struct_ops, u64
from pyebpf.kernel.versions import running_version

SINCE = (5, 6)
JIT = True
MACHINES = ("x86_64",)
LIBBPF = False

begun = Global[u64](0)
acknowledged = Global[u64](0)


@struct_ops("tcp_congestion_ops")
class Guest:
    name = "pyebpf_class"

    def init(self, sk):
        begun.value += 1

    def ssthresh(self, sk: Kernel["struct tcp_sock"]):
        return max(sk.snd_cwnd >> 1, 2)

    def cong_avoid(self, sk, ack, acked):
        acknowledged.value += acked

    def undo_cwnd(self, sk: Kernel["struct tcp_sock"]):
        return sk.snd_cwnd


def check(session):
    assert [link.program for link in session.links] == ["Guest"], running_version()
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"pyebpf_class")
        client.connect(server.getsockname())
        peer, _ = server.accept()
        for _ in range(8):
            client.sendall(bytes(4_000))
            assert len(peer.recv(4_000, socket.MSG_WAITALL)) == 4_000
        peer.close()
    found = {name: view.value for name, view in session.variables.items()}
    assert found["begun"] == 1 and found["acknowledged"] > 0, found
