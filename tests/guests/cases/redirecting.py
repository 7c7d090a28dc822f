"""Packets sent on from one interface to another by a map, with a program where they leave; and to another CPU."""

from run_network import Frame, Wire, add_veth, set_up
from surroundings import own_wire

from pyebpf import XDP, CpuMap, DevMap, Global, u64, xdp
from pyebpf.helpers import redirect_map

SINCE = (5, 9)
MODULES = ("veth",)
ATTACH = False

ports = DevMap(max_entries=2)
cpus = CpuMap(max_entries=2)
came, left, moved = Global[u64](0), Global[u64](0), Global[u64](0)


@xdp
def coming(packet):
    came.value += 1
    return redirect_map(ports, 0, 0)


@xdp
def elsewhere(packet):
    came.value += 1
    return redirect_map(cpus, 0, 0)


@xdp
def passing(packet):
    return XDP.PASS


@xdp.devmap
def leaving(packet):
    left.value += 1
    return XDP.PASS


@xdp.cpumap
def moving(packet):
    moved.value += 1
    return XDP.PASS


def check(session):
    own_wire()
    add_veth("second", "beyond")
    for name in ("second", "beyond"):
        set_up(name)
    session.maps["ports"][0] = ("second", session.programs["leaving"])
    link = session.attach("coming", "inside")
    session.attach("passing", "beyond")  # a veth takes packets from XDP if the other end has a program
    assert Wire("beyond", "outside").arrives(Frame.udp("10.0.0.1")) == [True]
    assert session.variables["left"].value == session.variables["came"].value >= 1
    link.detach()
    session.maps["cpus"][0] = (64, session.programs["moving"])
    session.attach("elsewhere", "inside")
    assert Wire("inside", "outside").arrives(Frame.udp("10.0.0.1")) == [True]
    assert session.variables["moved"].value >= 1 and not session.faults
