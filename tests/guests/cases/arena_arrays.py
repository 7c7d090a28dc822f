"""Arrays in an arena, which Python sees as they are."""

from surroundings import test_run

from pyebpf import XDP, Arena, Global, struct, u8, u32, u64, xdp

SINCE = (6, 10)
JIT = True
ATTACH = False
LIBBPF = False  # its first versions give arenas no place
MACHINES = ("x86_64",)


@struct
class Seen:
    packets: u64
    last: u32


counts = Arena[u64](max_entries=5_000)
seen = Arena[Seen](max_entries=300)
total = Global[u64](0)


@xdp
def count(packet):
    first = packet.load(0, u8)
    counts[first * 100] += 3
    entry = seen[first]
    entry.packets += 1
    entry.last = u32(len(packet))
    total.value += counts[4_999]
    return XDP.DROP


def check(session):
    counts, seen = session.variables["counts"], session.variables["seen"]
    counts[4_999] = 7
    for first in (5, 49, 5, 50):
        test_run(session, "count", bytes([first]) + bytes(63))
    assert (counts[500], counts[4_900]) == (6, 3)
    assert (seen[5].packets, seen[5].last, seen[49].packets) == (2, 64, 1)
    assert session.variables["total"].value == 21
    assert [(fault.kind, fault.count) for fault in session.faults] == [("IndexError", 1)]
