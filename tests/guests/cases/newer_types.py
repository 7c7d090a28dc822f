"""An object whose types are of kinds that older kernels don't know: maps and programs have their types all the same."""

import struct
import sys
import warnings

from pyebpf import XDP, xdp
from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.versions import running_version
from pyebpf.loader import sys as bpf
from pyebpf.loader.load import load_object
from pyebpf.metadata import Metadata
from pyebpf.object.btf_write import write_btf
from pyebpf.object.specs import FunctionSpec, MapSpec, Object, ProgramSpec

SINCE = (5, 9)
ATTACH = False
FLOATS = (5, 13)
WHOLE, VALUE, FUNCTION = -1, 8, 11
MEMBERS = (("f", 2, 0), ("wide", 3, 64), ("signs", 4, 128), ("tagged", 6, 192), ("d", 7, 256))
TYPES = (
    types.Int("int", 4, 32, 0, True, False, False),
    types.Float("float", 4),
    types.Enum("wide", 8, True, (("BELOW", -1), ("ABOVE", 1 << 40)), Kind.ENUM64),
    types.Enum("signs", 4, True, (("MINUS", -5),), Kind.ENUM),
    types.Modifier("type_tag", 1, "user"),
    types.Pointer(5),
    types.Float("double", 8),
    types.Struct("everything", 40, tuple(types.Member(name, kind, at, 0) for name, kind, at in MEMBERS), False),
    types.DeclarationTag("whole", 8, WHOLE),
    types.FunctionPrototype(1, (types.Parameter("ctx", 6),)),
    types.Function("probe", 10, 1),
    types.DeclarationTag("tagged", 11, 0),
)
"""Numbered from 1 on."""


@xdp
def nothing(packet):
    return XDP.PASS


def newer() -> Object:
    code = struct.pack("=BBhi", 0xB7, 0, 0, 7) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    function = FunctionSpec("probe", "xdp", 0, code, (), (), (), FUNCTION)
    program = ProgramSpec("probe", "xdp", 6, 37, "xdp", "", function)
    cells = MapSpec("cells", 2, 4, 40, 1, key_type_id=1, value_type_id=VALUE)
    big = sys.byteorder == "big"
    return Object(b"", (program,), (cells,), (), "GPL", write_btf(TYPES, big_endian=big), Metadata(), big)


def check(session):
    obj = newer()
    taken = True
    try:
        bpf.btf_load(obj.btf).close()
    except OSError:
        taken = False
    assert not taken or running_version() >= FLOATS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with load_object(obj) as loaded:
            info = bpf.obj_get_info_by_fd(loaded.maps["cells"].fd)
            btf_id, key, value = struct.unpack_from("=III", info, 64)
            assert btf_id and (key, value) == (1, VALUE)
            program = bpf.obj_get_info_by_fd(loaded.programs["probe"].fd)
            assert struct.unpack_from("=I", program, 128)[0] == btf_id  # `btf_id` of `struct bpf_prog_info`
            assert bpf.prog_test_run(loaded.programs["probe"].fd, bytes(64))[0] == 7
