"""What user space does with programs and maps: runs them, counts their runs, reads maps by batches, shares memory."""

from pyebpf import XDP, Global, Hash, u8, u32, u64, xdp
from pyebpf.runtime import batches, parts

SINCE = (5, 9)
ATTACH = False

seen = Global[u64](0)
cells = Hash[u32, u64](max_entries=1000)


@xdp
def counting(packet):
    seen.value += 1
    cells[packet.load(0, u8)] += 1
    return XDP.DROP


def check(session):
    cells = session.maps["cells"]
    cells.update({number: number * 3 for number in range(1, 501)})
    assert cells.to_dict() == {number: number * 3 for number in range(1, 501)}
    assert parts.positions_are_buckets()
    given = (cells.fileno(), 4, 8, 1000)
    assert parts.in_parts(*given, threads=3) == batches.read(*given)
    assert session.stats["counting"].runs == 0
    result = session.programs["counting"].test_run(data=bytes(64), repeat=10)
    assert result.result == XDP.DROP
    assert session.variables["seen"].value == 10 and cells[0] == 10
    session.variables["seen"].value = 5
    assert session.programs["counting"].test_run(data=bytes(64)).result == XDP.DROP
    assert session.variables["seen"].value == 6
    stats = session.stats["counting"]
    assert stats.runs == 11 and stats.run_ns > 0, stats
