from pyebpf import XDP, Array, Hash, struct, u32, u64, xdp


@struct
class Inner:
    x: u32
    y: u64


@struct
class Outer:
    inner: Inner
    points: Inner[4]


inners = Hash[u32, Inner](max_entries=8)
slots = Array[Inner](max_entries=4)
out = Array[u64](max_entries=4)


@xdp
def field(packet):
    outer = Outer()
    inner = outer.inner
    outer.inner = Inner(x=1)
    out[0] = inner.x  # error
    return XDP.PASS


@xdp
def element(packet):
    outer = Outer()
    for i in range(4):
        point = outer.points[i]
        outer.points[i] = Inner(x=i)
        out[0] = point.x  # error
    return XDP.PASS


@xdp
def entry_of_an_array(packet):
    slot = slots[1]
    slots[packet.load(0, u32) & 3] = Inner(x=1)
    out[0] = slot.x  # error
    return XDP.PASS


@xdp
def entry_of_a_hash(packet):
    number = packet.load(0, u32)
    inner = inners[number]
    del inners[number]
    out[0] = inner.x  # error
    return XDP.PASS
