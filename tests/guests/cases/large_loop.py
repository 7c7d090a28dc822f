"""A loop of more rounds than the verifier follows: the kernel runs it as a function."""

from surroundings import test_run

from pyebpf import XDP, Global, u8, u64, xdp

SINCE = (5, 17)
JIT = True
ATTACH = False

total = Global[u64](0)


@xdp
def add(packet):
    step = packet.load(0, u8)
    found = 0
    for i in range(1_000_000):
        if found > 500_000:
            break
        found += i % 3 * step
    total.value = found
    return XDP.DROP


def check(session):
    assert test_run(session, "add", b"\x01" * 64) == XDP.DROP
    assert session.variables["total"].value == 500_001
    assert test_run(session, "add", bytes(64)) == XDP.DROP
    assert session.variables["total"].value == 0
