"""Operations of foreign objects: congestion control that sockets choose, by a link where the kernel has such (6.4)."""

import os
import signal
import socket
import struct
import sys
import time

from pyebpf import XDP, xdp
from pyebpf.kernel import btf_types as types
from pyebpf.kernel.versions import running_version
from pyebpf.loader.errors import LoadError
from pyebpf.loader.struct_ops import F_LINK
from pyebpf.metadata import Metadata
from pyebpf.object.btf_write import write_btf
from pyebpf.object.specs import FunctionSpec, MapSpec, Object, Operations, ProgramSpec
from pyebpf.runtime.session import open_session

SINCE = (5, 9)
ATTACH = False
MACHINES = ("x86_64",)
LINKS = (6, 4)
NAME = "pyebpf_guest"
MEMBERS = (("name", 6, 0), ("ssthresh", 3, 128), ("cong_avoid", 3, 192), ("undo_cwnd", 3, 256), ("not_there", 1, 320))
TYPES = (
    types.Int("int", 4, 32, 0, True, False, False),
    types.FunctionPrototype(1, ()),
    types.Pointer(2),
    types.Int("char", 1, 8, 0, True, False, False),
    types.Int("unsigned int", 4, 32, 0, False, False, False),
    types.Array(4, 5, 16),
    types.Struct("tcp_congestion_ops", 48, tuple(types.Member(name, kind, at, 0) for name, kind, at in MEMBERS), False),
)
"""Numbered from 1 on; the members are in another order than the kernel's."""


@xdp
def nothing(packet):
    return XDP.PASS


def operations() -> Object:
    code = struct.pack("=BBhi", 0xB7, 0, 0, 7) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    names = ("threshold", "avoid", "undo")
    functions = [FunctionSpec(name, "struct_ops", 16 * n, code, (), (), ()) for n, name in enumerate(names)]
    programs = tuple(ProgramSpec(one.name, "struct_ops", 27, None, "", "", one) for one in functions)
    data = NAME.encode().ljust(48, b"\0")
    placed = tuple((16 + 8 * number, name) for number, name in enumerate(names))
    held = Operations("tcp_congestion_ops", 7, data, placed)
    big = sys.byteorder == "big"
    maps = (MapSpec("mine", 26, 4, 0, 1, operations=held),)
    return Object(b"", programs, maps, (), "GPL", write_btf(TYPES, big_endian=big), Metadata(), big)


def chosen() -> bool:
    with socket.socket() as one:
        try:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, NAME.encode())
        except OSError:
            return False
        return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode() == NAME


def killed() -> None:
    """A process that has registered them doesn't come to take them back."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        kept = open_session(operations())
        os.write(writer, b"y" if chosen() else b"n")
        os.kill(os.getpid(), signal.SIGKILL)
        kept.close()
    os.close(writer)
    assert os.read(reader, 1) == b"y"
    os.waitpid(child, 0)
    end = time.monotonic() + 60
    while chosen():
        assert time.monotonic() < end
        time.sleep(0.05)


def check(session):
    assert not chosen()
    killed()
    with open_session(operations()) as loaded:
        assert chosen()
        flags = loaded._loaded.maps["mine"].spec.flags
        assert bool(flags & F_LINK) == (running_version() >= LINKS)
        loaded.links["mine"].detach()
        assert not chosen()
        if running_version() < LINKS:
            try:
                loaded.attach("mine")
            except LoadError as error:
                assert "can be done once" in str(error)
            else:
                raise AssertionError("it was registered twice")
            return
        loaded.attach("mine")
        assert chosen()
    assert not chosen()
