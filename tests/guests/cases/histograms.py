"""Histograms of both kinds, with and without keys; a new key that finds no room is a fault on its line."""

from surroundings import test_run

from pyebpf import XDP, Histogram, LinearHistogram, u8, u32, xdp

SINCE = (5, 9)
ATTACH = False

bytes_ = Histogram(unit="bytes")
tens = LinearHistogram(10, 100, 10)
by_key = Histogram[u32](unit="bytes", max_entries=2)
tens_by_key = LinearHistogram[u32](-50, 50, 20, max_entries=4)


@xdp
def count(packet):
    first = packet.load(0, u8)
    size = len(packet)
    bytes_.observe(size)
    tens.observe(first)
    tens_by_key[1].observe(first - 100, 2)
    by_key[first].observe(size)
    return XDP.DROP


def check(session):
    for first in (5, 10, 99, 150, 5):
        test_run(session, "count", bytes([first]) + bytes(63))
    maps = session.maps
    assert maps["bytes_"].buckets() == [(64, 127, 5)]
    assert list(maps["tens"]) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    assert {key: found.total for key, found in maps["by_key"].items()} == {5: 2, 10: 1}
    assert maps["by_key"][5].buckets == ((64, 127, 2),)
    found = maps["tens_by_key"][1]
    assert (found.below, found.above, [bucket[2] for bucket in found.buckets]) == (6, 2, [0, 0, 2, 0, 0])
    assert [(fault.kind, fault.count) for fault in session.faults] == [("MemoryError", 2)]
