"""The kernel's version and options of its configuration, which guests don't show: those are given."""

import platform
import re

from surroundings import test_run

from pyebpf import XDP, Array, u64, xdp
from pyebpf.kconfig import CONFIG_HZ, CONFIG_KNOWN_TO_NOBODY, LINUX_KERNEL_VERSION

SINCE = (5, 9)
PORTABLE = True
LIBBPF = False
ATTACH = False

seen = Array[u64](max_entries=3)


@xdp
def look(packet):
    seen[0] = LINUX_KERNEL_VERSION >> 8
    seen[1] = CONFIG_HZ
    if CONFIG_KNOWN_TO_NOBODY:
        seen[2] = 1
    return XDP.DROP


def config():
    return {"CONFIG_HZ": 250, "CONFIG_KNOWN_TO_NOBODY": False}


def check(session):
    assert test_run(session, "look", bytes(64)) == XDP.DROP
    major, minor = map(int, re.findall(r"\d+", platform.release())[:2])
    assert list(session.maps["seen"]) == [major << 8 | minor, 250, 0]
