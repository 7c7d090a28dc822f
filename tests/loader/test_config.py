"""Configs by name and type: what is given is what the program reads; what doesn't fit is an error before anything is
loaded."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from run_kernel import bpf_ids, left_over

import pyebpf
from pyebpf.loader.errors import ConfigError

pytestmark = pytest.mark.kernel
PROGRAM = """
from enum import IntEnum
from pyebpf import *

class Level(IntEnum):
    LOW = -1
    HIGH = 5

@struct
class Pair:
    a: u8
    b: u32

number, signed, wide, port = Config[u32](7), Config[i8](-7), Config[u64](), Config[be16](80)
flag, level, name = Config[bool](), Config[Level](Level.HIGH), Config[char[8]]("dëfault")
v4, v6, mac = Config[IPv4Address](), Config[IPv6Address](), Config[MacAddress]()
items, pair = Config[u16[2]](), Config[Pair]()
live = Global[u32](1)
seen = Array[u64](max_entries=8)
texts = Hash[char[8], u32](max_entries=2)

@raw_tracepoint("sys_enter")
def probe(ctx):
    seen[0] = number.value
    seen[1] = u64(signed.value)
    seen[2] = wide.value
    seen[3] = port.value
    seen[4] = 1 if flag.value else 0
    seen[5] = u64(i64(level.value))
    seen[6] = 1 if v4.value == IPv4Address("10.0.0.1") and v6.value == IPv6Address("::7") else 0
    texts[name.value] = 1
"""


@pytest.fixture(scope="module")
def object(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Object:
    path = tmp_path_factory.mktemp("config") / "probe.py"
    path.write_text(PROGRAM)
    return pyebpf.compile(path)


def read(object: pyebpf.Object, config: dict[str, object] | None = None) -> tuple[list[int], list[str]]:
    """What the program sees."""
    with pyebpf.load(object, attach=False, config=config) as session:
        session.programs["probe"].test_run(ctx=bytes(16))
        return list(session.maps["seen"]), list(session.maps["texts"])


def test_defaults(object: pyebpf.Object) -> None:
    assert read(object) == ([7, 2**64 - 7, 0, 80, 0, 5, 0, 0], ["dëfault"])


def test_the_program_reads_what_is_given(object: pyebpf.Object) -> None:
    config = {
        "number": 2**32 - 1, "signed": -128, "wide": 2**64 - 1, "port": 443, "flag": True, "level": "LOW",
        "name": "näme", "v4": "10.0.0.1", "v6": IPv6Address("::7"),
    }  # fmt: skip
    assert read(object, config) == ([2**32 - 1, 2**64 - 128, 2**64 - 1, 443, 1, 2**64 - 1, 1, 0], ["näme"])
    assert read(object)[0][0] == 7  # the object stays as it was


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("level", -1, -1), ("level", "HIGH", 5), ("mac", "02:00:00:00:00:01", pyebpf.MacAddress("020000000001")),
        ("mac", b"abcdef", pyebpf.MacAddress(b"abcdef")), ("v4", IPv4Address("1.2.3.4"), IPv4Address("1.2.3.4")),
        ("v6", "::1", IPv6Address("::1")), ("name", "", ""), ("name", b"12345678", "12345678"),
        ("items", [1, 65535], (1, 65535)), ("pair", {"b": 5}, (0, 5)), ("flag", False, False),
    ],
)  # fmt: skip
def test_values_read_back(object: pyebpf.Object, name: str, value: object, result: object) -> None:
    with pyebpf.load(object, attach=False, config={name: value}) as session:
        variable = session.variables[name]
        assert variable.value == result
        with pytest.raises(AttributeError, match=f"{name} is a Config: it was frozen"):
            variable.value = value
        with pytest.raises(OSError):  # not by way of its section either
            pyebpf.loader.sys.map_update(session._loaded.maps[".rodata"].fd, bytes(4), bytes(1))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"numbr": 1}, "no Config `numbr`; did you mean `number`"),
        ({"live": 1}, "no Config `live`"),
        ({"": 1}, "no Config ``; it has number"),
        ({"number": -1}, "`number` is u32, which holds 0 to 4294967295, not -1"),
        ({"number": 2**32}, "not 4294967296"),
        ({"number": 1.0}, "`number` is u32, not 1.0"),
        ({"number": "1"}, "`number` is u32, not '1'"),
        ({"number": None}, "`number` is u32, not None"),
        ({"signed": 128}, "-128 to 127"),
        ({"port": 65536}, "0 to 65535"),
        ({"flag": 2}, "is a bool, not 2"),
        ({"flag": "yes"}, "is a bool, not 'yes'"),
        ({"level": "MIDDLE"}, "has no member 'MIDDLE'; there are LOW, HIGH"),
        ({"level": 7}, "has no member 7; there are LOW, HIGH"),
        ({"name": "123456789"}, r"char\[8\], which is shorter than 9 bytes"),
        ({"name": "a\0b"}, "NUL"),
        ({"name": "\ud800"}, "surrogates"),
        ({"name": 5}, "is text, not 5"),
        ({"v4": "10.0.0"}, "10.0.0"),
        ({"v4": "::1"}, "`v4`"),
        ({"v6": "10.0.0.1"}, "`v6`"),
        ({"mac": "02:00"}, "02:00"),
        ({"mac": 112233445566}, "`mac`"),
        ({"items": [1]}, "2 values"),
        ({"pair": {"c": 1}}, "no field 'c'"),
        ({"number": 1, "flag": None}, "`flag`"),
    ],
    ids=str,
)
def test_what_does_not_fit(object: pyebpf.Object, config: dict[str, object], message: str) -> None:
    before = bpf_ids()
    with pytest.raises(pyebpf.LoadError, match=message) as caught:
        pyebpf.load(object, config=config)
    assert type(caught.value) is ConfigError and caught.value.reason == "object"
    assert not left_over(before)


@pytest.mark.parametrize("initial", ['"5"', "5.0", "[1]", "-1", "2**32"])
def test_first_values_that_do_not_fit(tmp_path: Path, initial: str) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PROGRAM.replace("live = Global[u32](1)", f"live = Global[u32]({initial})"))
    with pytest.raises(pyebpf.CompileError, match=r"starts as an integer|does not fit"):
        pyebpf.compile(path)


def test_first_values_of_every_type(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(
        "import numpy\n" + PROGRAM.replace(
            "live = ",
            "addr, net, text = Global[IPv4Address]('10.0.0.9'), Global[be32](0x01020304), Global[char[8]]('näme')\n"
            "odd, yes, low, live = Global[u64](numpy.int64(9)), Global[bool](True), Global[Level](Level.LOW), ",
        )
    )  # fmt: skip
    with pyebpf.load(path, attach=False) as session:
        found = {name: session.variables[name].value for name in ("addr", "net", "text", "odd", "yes", "low", "live")}
    assert found == {
        "addr": IPv4Address("10.0.0.9"), "net": 0x01020304, "text": "näme", "odd": 9, "yes": True, "low": -1, "live": 1,
    }  # fmt: skip
