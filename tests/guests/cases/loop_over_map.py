"""A loop over the entries of a hash table."""

from surroundings import test_run

from pyebpf import XDP, Global, Hash, u32, u64, xdp

SINCE = (5, 13)
JIT = True
ATTACH = False

table = Hash[u32, u64](max_entries=1000)
total, largest = Global[u64](0), Global[u64](0)


@xdp
def add(packet):
    found, most = 0, 0
    for key, value in table.items():
        found += value
        most = max(most, key)
    total.value, largest.value = found, most
    return XDP.DROP


def check(session):
    for number in range(100):
        session.maps["table"][number * 3] = number
    assert test_run(session, "add") == XDP.DROP
    assert (session.variables["total"].value, session.variables["largest"].value) == (4950, 297)
