from pyebpf import XDP, Array, struct, u8, u32, xdp


@struct
class Item:
    k: u32
    x: u32


found = Array[Item](max_entries=1)


@xdp
def probe(packet):
    n = packet.load(0, u8)
    best = Item()
    for i in range(3000):  # error  # error
        e = (i * 31 + n) % 1009
        if e > best.k:
            best = Item(k=e, x=i)
    found[0] = best
    return XDP.DROP
