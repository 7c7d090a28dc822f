"""Kfuncs that take text."""

from surroundings import test_run

from pyebpf import XDP, Global, char, i64, xdp
from pyebpf.kfuncs import bpf_strchr, bpf_strlen

SINCE = (6, 17)
JIT = True
ATTACH = False

text = Global[char[32]]("hello world")
length, place = Global[i64](0), Global[i64](0)


@xdp
def measure(packet):
    words: char[32] = text.value
    length.value = bpf_strlen(words)
    place.value = bpf_strchr(words, 119)
    return XDP.DROP


def check(session):
    assert test_run(session, "measure") == XDP.DROP
    assert (session.variables["length"].value, session.variables["place"].value) == (11, 6)
