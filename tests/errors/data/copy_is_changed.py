from pyebpf import XDP, Array, Global, Hash, Queue, function, struct, u32, u64, xdp


@struct
class Inner:
    x: u32
    y: u64


@struct
class Outer:
    inner: Inner
    cells: u32[4]
    points: Inner[4]


inners = Hash[u32, Inner](max_entries=8)
kept = Global[Inner]()
queue = Queue[Inner](max_entries=8)
out = Array[u64](max_entries=4)
START = Inner(x=1)


@function
def change(inner, x):
    inner.x = x  # error


@xdp
def field(packet):
    outer = Outer()
    inner = Inner(x=1)
    outer.inner = inner
    inner.y = 2
    inner.x = 5  # error
    out[0] = outer.inner.x
    return XDP.PASS


@xdp
def other_way(packet):
    inner = Inner(x=1)
    outer = Outer(inner=inner)
    change(outer.inner, 7)
    out[0] = inner.x
    return XDP.PASS


@xdp
def in_a_loop(packet):
    outer = Outer()
    inner = Inner()
    for i in range(4):
        inner.x = i  # error
        outer.points[i] = inner
    out[0] = outer.points[2].x
    return XDP.PASS


@xdp
def array(packet):
    outer, other = Outer(), Outer()
    outer.cells = other.cells
    other.cells[packet.load(0, u32) & 3] = 1  # error
    out[0] = outer.cells[3]
    return XDP.PASS


@xdp
def items(packet):
    outer = Outer()
    some = outer.points[1:3]
    some[0].x = 1  # error
    out[0] = outer.points[1].x
    return XDP.PASS


@xdp
def entry(packet):
    inner = Inner(x=1)
    inners[1] = inner
    inner.x = 2  # error
    return XDP.PASS


@xdp
def variable(packet):
    inner = Inner(x=1)
    kept.value = inner
    inner.x = 2  # error
    return XDP.PASS


@xdp
def constant(packet):
    inners[1] = START
    inners[1].x = 2  # error
    return XDP.PASS


@xdp
def through_another(packet):
    outer, other = Outer(), Outer()
    inner = Inner()
    outer.inner = inner
    other.inner = outer.inner
    inner.x = 1  # error
    out[0] = other.inner.x
    return XDP.PASS


@xdp
def pushed(packet):
    inner = Inner()
    for i in range(4):
        inner.x = i  # error
        queue.push(inner)
    return XDP.PASS
