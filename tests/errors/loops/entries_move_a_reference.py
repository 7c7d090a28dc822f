from pyebpf import XDP, Array, Hash, struct, u32, u64, xdp


@struct
class Point:
    x: u32


table = Hash[u32, Point](max_entries=8)
out = Array[u64](max_entries=1)


@xdp
def probe(packet):
    first, second = Point(x=1), Point(x=2)
    best = first
    for key, value in table.items():  # error
        best = second if value.x > 5 else first
    out[0] = best.x
    return XDP.PASS
