from pyebpf import XDP, u8, xdp
from pyebpf.helpers import fib_lookup

__license__ = "Proprietary"


@xdp
def probe(packet):
    return XDP.PASS if fib_lookup(packet, u8[64](), 0) else XDP.DROP  # error
