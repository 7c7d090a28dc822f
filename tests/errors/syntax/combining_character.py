"""A name whose last letter has an accent of its own."""

from pyebpf import xdp


@xdp
def probe(packet):
    café = 1  # error
    return café
