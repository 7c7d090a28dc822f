"""A process with programs of tc is killed: they go with it, by filters of clsact as well, and the qdisc with them."""

import os
import signal
import socket
import time

from run_network import Frame, Wire
from surroundings import own_wire

import pyebpf
from pyebpf import TC, tc
from pyebpf.loader.attach.tc import attach_filter

SINCE = (4, 5)
MACHINES = ("x86_64", "s390x")
MODULES = ("veth", "sch_ingress", "cls_bpf")
ATTACH = False


@tc.egress
def dropping(packet):
    return TC.SHOT


def lives_and_dies(session: pyebpf.Session, outside: str, by_filter: bool) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with pyebpf.load(session.object, attach=False) as own:
            if by_filter:
                kept = attach_filter(own.programs["dropping"].loaded, outside)
            else:
                kept = own.attach("dropping", outside)
            os.write(writer, b"y" if kept.attached else b"n")
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(writer)
    assert os.read(reader, 1) == b"y"
    os.waitpid(child, 0)
    os.close(reader)


def passes(wire: Wire) -> bool:
    try:
        return wire.arrives(Frame.udp("10.0.0.1"), once=True) == [True]
    except AssertionError:
        return False


def check(session):
    wire: Wire = own_wire()
    index = socket.if_nametoindex(wire.outside)
    for by_filter in (False, True):
        lives_and_dies(session, wire.outside, by_filter)
        end = time.monotonic() + 60
        while not passes(wire):
            assert time.monotonic() < end, by_filter
    with pyebpf.load(session.object, attach=False) as own:
        attach_filter(own.programs["dropping"].loaded, index).detach()  # its own qdisc, as nobody's is there
