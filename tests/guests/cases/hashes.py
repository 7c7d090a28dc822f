"""Hash tables of all kinds: added to, replaced, taken out, by programs and from Python."""

from surroundings import test_run

from pyebpf import XDP, Hash, LruHash, LruPerCpuHash, PerCpuHash, struct, u8, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False


@struct
class Seen:
    packets: u64
    last: u32


plain = Hash[u32, Seen](max_entries=8)
recent = LruHash[u32, u64](max_entries=8)
by_cpu = PerCpuHash[u32, u64](max_entries=8)
recent_by_cpu = LruPerCpuHash[u32, u64](max_entries=8)


@xdp
def count(packet):
    key = u32(packet.load(0, u8))
    if key not in plain:
        plain[key] = Seen(last=7)
    plain[key].packets += 1
    recent[key] += 2
    by_cpu[key] += 3
    recent_by_cpu[key] += 4
    return XDP.TX if (gone := recent.pop(99)) is not None and gone == 5 else XDP.DROP


def check(session):
    maps = session.maps
    maps["recent"][99] = 5
    assert test_run(session, "count", b"\x05" * 64) == XDP.TX
    assert test_run(session, "count", b"\x05" * 64) == XDP.DROP
    assert (maps["plain"][5].packets, maps["plain"][5].last) == (2, 7)
    assert maps["recent"].to_dict() == {5: 4}
    assert sum(maps["by_cpu"][5]) == 6 and sum(maps["recent_by_cpu"][5]) == 8
    del maps["plain"][5]
    assert len(maps["plain"]) == 0
