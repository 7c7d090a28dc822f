"""A program that asks for a field of a struct which only a module has: CO-RE finds it in the module's own types."""

import struct
import sys

from pyebpf import XDP, xdp
from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.versions import running_version
from pyebpf.loader.core import relocate
from pyebpf.metadata import Metadata
from pyebpf.object.btf_write import write_btf
from pyebpf.object.specs import CoreRelocation, FunctionSpec, Object, ProgramSpec
from pyebpf.runtime.session import open_session

SINCE = (5, 9)
MODULES = ("veth",)
ATTACH = False
MODULE_TYPES = (5, 11)
"""Since when modules show theirs."""
OWN_TYPES = (
    types.Int("int", 4, 32, 0, True, False, False),
    types.Pointer(0),
    types.Struct("veth_priv___mine", 16, (types.Member("n", 1, 0, 0), types.Member("peer", 2, 64, 0)), False),
)


@xdp
def nothing(packet):
    return XDP.PASS


def asks_for_the_peer() -> Object:
    """r0 = offset of `peer`, as the object's own types have it; exit."""
    big = sys.byteorder == "big"
    code = struct.pack("=BBhi", 0xB7, 0, 0, 8) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    function = FunctionSpec("peer", "xdp", 0, code, (), (), (CoreRelocation(0, 3, "0:1", 0),))
    program = ProgramSpec("peer", "xdp", 6, 37, "xdp", "", function)
    return Object(b"", (program,), (), (), "GPL", write_btf(OWN_TYPES, big_endian=big), Metadata(), big)


def check(session):
    if running_version() < MODULE_TYPES:
        assert list(Btf.modules()) == []
        return
    veth = Btf.module("veth")
    module, btf, number = Btf.running().search("veth_priv", Kind.STRUCT)
    assert (module, btf) == ("veth", veth) and Btf.running().find("veth_priv", Kind.STRUCT) is None
    assert veth.base is Btf.running() and number >= Btf.running().count
    assert Btf.running().search("veth_xmit", Kind.FUNC)[0] == "veth"
    assert Btf.running().search("task_struct", Kind.STRUCT)[0] == ""
    peer = veth.member(number, "peer")
    pointer = veth.type(veth.resolve(peer.type_id))
    assert veth.name(veth.resolve(pointer.type_id)) == "net_device"
    own = veth.member(number, "requested_headroom").type_id
    assert own < Btf.running().count and veth.type(own) is Btf.running().type(own)  # `int` or the like, of the kernel's
    obj = asks_for_the_peer()
    code = relocate(obj, Btf.running(), Btf.modules)["peer"]
    assert struct.unpack_from("=i", code, 4)[0] == peer.byte_offset
    with open_session(obj, attach=False) as loaded:
        assert loaded.programs["peer"].test_run(bytes(64)).result == peer.byte_offset
