"""Arrays, one of them with a value for each CPU, and a histogram; what is out of range is a fault on its line."""

from surroundings import test_run

from pyebpf import XDP, Array, Histogram, PerCpuArray, u8, u64, xdp

SINCE = (5, 9)
ATTACH = False

cells = Array[u64](max_entries=4)
by_cpu = PerCpuArray[u64](max_entries=4)
sizes = Histogram(unit="bytes")


@xdp
def count(packet):
    index = packet.load(0, u8)
    sizes.observe(len(packet))
    cells[index] += 5
    by_cpu[index] += 6
    return XDP.DROP


def check(session):
    maps = session.maps
    assert test_run(session, "count", b"\x02" * 64) == XDP.DROP
    assert test_run(session, "count", b"\x02" * 100) == XDP.DROP
    assert test_run(session, "count", b"\x04" * 200) == XDP.PASS
    assert list(maps["cells"]) == [0, 0, 10, 0] and sum(maps["by_cpu"][2]) == 12
    assert maps["sizes"].total == 3
    assert [(low, count) for low, _, count in maps["sizes"].buckets() if count] == [(64, 2), (128, 1)]
    assert [(fault.kind, fault.count) for fault in session.faults] == [("IndexError", 1)]
