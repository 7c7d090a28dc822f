"""Maps in maps: by the module and by Python."""

from surroundings import test_run

from pyebpf import XDP, ArrayOfMaps, Global, Hash, HashOfMaps, u8, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False

inner = Hash[u32, u64](max_entries=16)
fixed = ArrayOfMaps[Hash[u32, u64](max_entries=16)]({1: inner}, max_entries=4)
tables = HashOfMaps[u32, Hash[u32, u64](max_entries=16)](max_entries=8)
seen = Global[u64](0)


@xdp
def count(packet):
    which = packet.load(0, u8)
    table = fixed[1]
    table[which] += 5
    other = tables[which]
    other[3] += 7
    seen.value = other[3]
    return XDP.DROP


def check(session):
    assert test_run(session, "count", b"\x02" * 64) == XDP.PASS  # there is no such table yet
    session.maps["tables"][2] = session.maps["inner"]
    assert test_run(session, "count", b"\x02" * 64) == XDP.DROP
    assert session.maps["inner"].to_dict() == {2: 10, 3: 7} and session.variables["seen"].value == 7
