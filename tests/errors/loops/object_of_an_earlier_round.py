from pyebpf import Global, XDP, struct, u8, u32, u64, xdp

@struct
class Point:
    x: u32
    v: u8[4]

out = Global[u64](0)

@xdp
def largest(packet):
    best = Point()
    for i in range(5):
        point = Point(x=packet.load(i, u8))
        if point.x > best.x:  # error
            best = point
    out.value = best.x
    return XDP.PASS

@xdp
def previous(packet):
    cells = u8[4]()
    for i in range(5):
        before = cells
        cells = u8[4]()
        cells[0] = packet.load(i, u8)
        out.value = before[0]  # error
    return XDP.PASS
