"""Configuration that is frozen at load time, and variables that programs and Python write."""

from surroundings import test_run

from pyebpf import XDP, Config, Global, char, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False

limit = Config[u32](10)
loud = Config[bool](False)
count = Global[u64](100)
name = Global[char[16]]()
cells = Global[u32[4]]()


@xdp
def run(packet):
    count.value += 1
    for i in range(4):
        cells.value[i] += i * 2
    name.value = "loud" if loud.value else "quiet"
    return XDP.TX if len(packet) > limit.value else XDP.DROP


def config():
    return {"limit": 80, "loud": True}


def check(session):
    found = session.variables
    assert test_run(session, "run", bytes(64)) == XDP.DROP and test_run(session, "run", bytes(100)) == XDP.TX
    assert (found["count"].value, found["name"].value, list(found["cells"].value)) == (102, "loud", [0, 4, 8, 12])
    found["count"].value = 5
    assert test_run(session, "run") == XDP.DROP and found["count"].value == 6
