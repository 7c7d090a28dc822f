"""A queue and a stack: from Python to the program, and back."""

from surroundings import test_run

from pyebpf import XDP, Queue, Stack, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False

waiting = Queue[u64](max_entries=4)
pile = Stack[u32](max_entries=4)


@xdp
def move(packet):
    if (number := waiting.pop(None)) is not None:
        pile.push(u32(number & 0xFF))
        return XDP.TX
    return XDP.DROP


def check(session):
    session.maps["waiting"].push(3)
    session.maps["waiting"].push(4)
    assert [test_run(session, "move") for _ in range(3)] == [XDP.TX, XDP.TX, XDP.DROP]
    assert [session.maps["pile"].pop(), session.maps["pile"].pop()] == [4, 3]
