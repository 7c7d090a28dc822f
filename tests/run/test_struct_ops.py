"""Structs of operations as classes: congestion control of the test's own sockets."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from congestion_control import gone, registered

import pyebpf
from pyebpf import Global, Kernel, function, struct_ops, u64
from pyebpf.testing import Simulator

begun = Global[u64](0)
acked_segments = Global[u64](0)
of_ipv4 = Global[u64](0)


@function
def half(window):
    return max(window >> 1, 2)


@struct_ops("tcp_congestion_ops")
class Counting:
    """Goes on as it began, and counts."""

    name = "pyebpf_counting"
    flags = 0

    def init(self, sk):
        begun.value += 1
        if sk.__sk_common.skc_family == socket.AF_INET:
            of_ipv4.value += 1

    def ssthresh(self, sk: Kernel["struct tcp_sock"]):
        return half(sk.snd_cwnd)

    def cong_avoid(sk, ack, acked):  # self is for Python alone
        acked_segments.value += acked

    def undo_cwnd(self, sk: Kernel["struct tcp_sock"]):
        return sk.snd_cwnd


@struct_ops("tcp_congestion_ops")
class Other:
    name = "pyebpf_other"

    def ssthresh(self, sk):
        return 7

    def cong_avoid(self, sk, ack, acked):
        pass

    def undo_cwnd(self, sk):
        return 1 // begun.value  # 0 after a fault


def send(name: str) -> None:
    """Over lo, by a socket that has this congestion control."""
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            for _ in range(8):
                client.sendall(bytes(4_000))
                assert len(peer.recv(4_000, socket.MSG_WAITALL)) == 4_000


@pytest.mark.kernel
@pytest.mark.usefixtures("names_alone")
def test_sockets_run_the_methods() -> None:
    with pyebpf.load(Counting) as session:
        assert [(link.program, link.where) for link in session.links] == [("Counting", "tcp_congestion_ops")]
        assert sorted(session.programs) == [
            f"Counting_{name}" for name in ("cong_avoid", "init", "ssthresh", "undo_cwnd")
        ]
        send("pyebpf_counting")
        assert begun.value == 1 and of_ipv4.value == 1
        assert acked_segments.value > 0
    assert gone("pyebpf_counting")


@pytest.mark.kernel
@pytest.mark.usefixtures("names_alone")
def test_several_and_by_name() -> None:
    with pyebpf.load([Counting, Other], attach=False) as session:
        assert not registered("pyebpf_counting") and not registered("pyebpf_other")
        link = session.attach("Other")
        assert registered("pyebpf_other") and not registered("pyebpf_counting")
        link.detach()
        assert gone("pyebpf_other")
        with pytest.raises(pyebpf.LoadError, match="Other_ssthresh is registered with its struct"):
            session.attach("Other_ssthresh")


@pytest.mark.kernel
@pytest.mark.usefixtures("names_alone")
@pytest.mark.skipif(shutil.which("bpftool") is None, reason="there is no bpftool")
def test_libbpf_takes_the_object(tmp_path: Path) -> None:
    """For kernels before 6.4, so that older versions of libbpf know the section as well."""
    path = tmp_path / "other.o"
    path.write_bytes(pyebpf.compile(Other, kernel=(5, 6)).elf)
    assert b".rel.struct_ops.link\0" not in path.read_bytes()
    assert b".rel.struct_ops.link\0" in pyebpf.compile(Other, kernel=(6, 4)).elf
    try:
        subprocess.run(["bpftool", "struct_ops", "register", path], check=True, capture_output=True, text=True)
        assert registered("pyebpf_other")
    finally:
        subprocess.run(["bpftool", "struct_ops", "unregister", "name", "Other"], capture_output=True)
    assert gone("pyebpf_other")


def test_simulated() -> None:
    with Simulator() as simulate:
        assert simulate(Counting.ssthresh, ctx={"sk": {"snd_cwnd": 40}}).result == 20
        simulate(Counting.cong_avoid, ctx={"acked": 3})
        assert acked_segments.value == 3
        run = simulate(Other.undo_cwnd, ctx={})
        assert run.result == 0 and run.fault is not None


def test_classes_that_are_none() -> None:
    def one(self, sk):
        return 1

    wanted = struct_ops("tcp_congestion_ops")
    for target, message in (
        (one, "decorates a class"),
        (type("Empty", (), {"name": "x"}), "has no method"),
        (type("Derived", (socket.socket,), {"ssthresh": one}), "has a base class"),
        (type("Odd", (), {"ssthresh": one, "name": 1.5}), "Odd.name is a number, text or a method, not float"),
        (type("Static", (), {"ssthresh": staticmethod(one)}), "not staticmethod"),
    ):
        with pytest.raises(Exception, match=message):
            wanted(target)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="needs the name of a struct"):
        struct_ops("a b")
    with pytest.raises(AttributeError, match="did you mean ssthresh"):
        _ = Counting.ssthres
    with pytest.raises(RuntimeError, match="load it with pyebpf"):
        Counting()
