"""Programs that go on as others, as the module says and as Python does; an empty slot is a KeyError."""

from surroundings import test_run

from pyebpf import XDP, Global, ProgArray, u8, u64, xdp

SINCE = (5, 9)
ATTACH = False

way = Global[u64](0)


@xdp
def first(packet):
    way.value = 1
    return jumps[packet.load(0, u8)](packet)


@xdp
def second(packet):
    way.value = way.value * 10 + 2
    return XDP.TX


@xdp
def third(packet):
    way.value = way.value * 10 + 3
    return XDP.DROP


jumps = ProgArray({1: second}, max_entries=4)


def check(session):
    session.maps["jumps"][2] = session.programs["third"]
    for slot, result, expected in ((1, XDP.TX, 12), (2, XDP.DROP, 13), (3, XDP.PASS, 1)):
        assert test_run(session, "first", bytes([slot]) * 64) == result, slot
        assert session.variables["way"].value == expected, slot
    assert [(fault.kind, fault.count) for fault in session.faults] == [("KeyError", 1)]
