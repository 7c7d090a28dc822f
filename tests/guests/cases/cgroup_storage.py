"""A value for each cgroup."""

from surroundings import inside, own_cgroup, test_run

from pyebpf import XDP, CgroupStorage, current_cgroup, u64, xdp

SINCE = (6, 2)
ATTACH = False

runs = CgroupStorage[u64]()


@xdp
def count(packet):
    runs[current_cgroup()] += 1
    return XDP.DROP


def check(session):
    folder = own_cgroup()
    with inside(folder):
        assert [test_run(session, "count") for _ in range(3)] == [XDP.DROP] * 3
    assert test_run(session, "count") == XDP.DROP
    assert session.maps["runs"][folder] == 3
