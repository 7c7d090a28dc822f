"""Arrays whose memory Python sees, hash maps without preallocation, maps that programs only read."""

from surroundings import test_run

from pyebpf import XDP, Array, Global, Hash, LruHash, u8, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False

cells = Array[u64](max_entries=600, mmapable=True)
grown = Hash[u32, u64](max_entries=8, preallocate=False)
recent = LruHash[u32, u64](max_entries=64, per_cpu_lists=True)
near = Hash[u32, u64](max_entries=8, numa_node=0)
limits = Array[u64](max_entries=4, read_only=True)
seen = Global[u64](0)


@xdp
def count(packet):
    first = packet.load(0, u8)
    cells[first] += limits[2]
    grown[first] += 1
    recent[first] += 1
    near[first] += 1
    seen.value += cells[599]
    return XDP.DROP


def check(session):
    maps = session.maps
    memory = maps["cells"].memory().cast("Q")
    maps["limits"][2] = 10
    memory[599] = 4
    for first in (5, 5, 200):
        assert test_run(session, "count", bytes([first]) + bytes(63)) == XDP.DROP
    assert (memory[5], memory[200], maps["cells"][5], session.variables["seen"].value) == (20, 10, 20, 12)
    for name in ("grown", "recent", "near"):
        assert maps[name].to_dict() == {5: 2, 200: 1}
    assert session.faults == ()
