"""Fields of contexts, against the verifier: who may read and write them, and how wide."""

from __future__ import annotations

import platform
import struct

import pytest
from load_program import EXIT, can_load, load

from pyebpf.kernel.contexts import CONTEXTS
from pyebpf.kernel.contexts.fields import ContextField, ContextStruct
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.layout import Address, Array

pytestmark = pytest.mark.kernel
P = ProgramType
UNIX = tuple(number for number in AttachType if number.name.startswith("CGROUP_UNIX_"))
PLACES: dict[ProgramType, tuple[int, ...]] = {
    P.XDP: (AttachType.XDP, AttachType.XDP_DEVMAP, AttachType.XDP_CPUMAP),
    P.CGROUP_SOCK_ADDR: (*range(8, 12), 14, 15, 19, 20, *range(29, 33), *UNIX),
    P.CGROUP_SOCK: (2, 12, 13, 34),
    P.CGROUP_SOCKOPT: (21, 22),
    P.SOCK_OPS: (3,),
    P.CGROUP_DEVICE: (6,),
    P.CGROUP_SYSCTL: (18,),
    P.SK_LOOKUP: (36,),
    P.SK_MSG: (7,),
    P.SK_REUSEPORT: (39,),
    P.SK_SKB: (5,),
}
"""Where programs attach, if that decides what they may do."""
OUR_OWN = ("user_port", "args")
"""Stricter in our table: UNIX sockets have no port; arguments lie where the reply is written."""
SIZES = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}
"""By width, the bits of an instruction that loads or stores."""
KEEP = struct.pack("<BBhi", 0xBF, 0x16, 0, 0)
"""r6 = r1."""
ONE = struct.pack("<BBhi", 0xB7, 0, 0, 1)
REST = ONE + EXIT


def asks() -> list[tuple[ContextStruct, ProgramType, int]]:
    here = [each for each in CONTEXTS if each.machine in ("", platform.machine())]
    return [(each, kind, place) for each in here for kind in each.programs for place in PLACES.get(kind, (0,))]


def accesses(field: ContextField) -> list[tuple[int, int]]:
    """Offset and width of what the compiler makes of a field."""
    unit, _, _ = field.unit(False)
    if isinstance(unit, Address):
        return [(field.offset + at, 4) for at in range(0, unit.size, 4)]
    width = unit.element.size if isinstance(unit, Array) else unit.size
    return [(field.offset + at, width) for at in range(0, unit.size, width)]


def allowed(kind: ProgramType, place: int, code: bytes) -> bool:
    error, log = load(kind, KEEP + code + REST, attach=place)
    assert not error or any(word in log for word in ("invalid bpf_context access", "write into")), log
    return not error


def load_of(offset: int, width: int) -> bytes:
    return struct.pack("<BBhi", 0x61 | SIZES[width], 0x67, offset, 0)


def store_of(offset: int, width: int) -> bytes:
    return struct.pack("<BBhi", 0xB7, 7, 0, 0) + struct.pack("<BBhi", 0x63 | SIZES[width], 0x76, offset, 0)


@pytest.mark.parametrize(("context", "kind", "place"), asks(), ids=lambda each: getattr(each, "name", str(each)))
def test_who_may_read_and_write(context: ContextStruct, kind: ProgramType, place: int) -> None:
    if why := can_load():
        pytest.skip(why)
    decides = kind if context.by_program else place
    for field in context.fields:
        reads = field.reads is None or decides in field.reads
        writes = field.writes is None or decides in field.writes
        for offset, width in accesses(field):
            if field.name in OUR_OWN and (place in UNIX or field.name == "args"):
                continue
            answer = allowed(kind, place, load_of(offset, width)), allowed(kind, place, store_of(offset, width))
            assert answer == (reads, writes), f"{field.name}, {width} bytes at {offset}"
