"""Every type from Python into the kernel's memory and back: exactly, or with an error that says why not."""

from __future__ import annotations

import ctypes
import pickle
import socket
import sys
from ipaddress import IPv4Address, IPv6Address
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import pyebpf
from pyebpf import MacAddress

pytestmark = pytest.mark.kernel

LIMITS = [(f"a_{sign}{bits}", bits, sign == "i") for bits in (8, 16, 32, 64) for sign in "ui"]
LIMITS += [(f"a_be{bits}", bits, False) for bits in (16, 32, 64)]


class CInner(ctypes.Structure):
    _fields_ = [("a", ctypes.c_uint8), ("b", ctypes.c_int64)]


class CValue(ctypes.Structure):
    """`Value` of shapes.py, as C lays it out; network order is bytes here."""

    _fields_ = [
        ("flag", ctypes.c_bool),
        ("color", ctypes.c_int32),
        ("name", ctypes.c_char * 6),
        ("numbers", ctypes.c_uint16 * 3),
        ("inner", CInner),
        ("inners", CInner * 2),
        ("v4", ctypes.c_uint32),
        ("v6", ctypes.c_uint8 * 16),
        ("mac", ctypes.c_uint8 * 6),
        ("port", ctypes.c_uint16),
    ]


def in_memory(session: pyebpf.Session, name: str, size: int) -> bytes:
    """The bytes of a variable as they lie in the kernel."""
    [info] = [info for info in session.object.metadata.variables if info.name == name]
    view = session._loaded.view(info.cell.section)
    assert view is not None
    return bytes(view[info.cell.offset : info.cell.offset + size])


@pytest.mark.parametrize(("name", "bits", "signed"), LIMITS)
def test_integers_hold_their_range_and_no_more(
    shapes: ModuleType, session: pyebpf.Session, name: str, bits: int, signed: bool
) -> None:
    variable = getattr(shapes, name)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    for value in (low, high, 0, 1, 100):
        variable.value = value
        assert variable.value == value
        order: Any = "big" if "be" in name else sys.byteorder
        assert int.from_bytes(in_memory(session, name, bits // 8), order, signed=signed) == value
    for wrong in (low - 1, high + 1, 1 << 200):
        with pytest.raises(OverflowError, match=f"{name} is .*{high}, not {wrong}"):
            variable.value = wrong
    assert variable.value == 100


@pytest.mark.parametrize("wrong", [1.0, "1", b"1", None, [1], object()])
@pytest.mark.parametrize("name", ["a_u8", "a_i64", "a_be32", "a_color"])
def test_what_is_no_integer_is_none(shapes: ModuleType, name: str, wrong: object) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        getattr(shapes, name).value = wrong


GOOD: list[tuple[str, object, object]] = [
    ("a_bool", True, True),
    ("a_bool", 0, False),
    ("a_color", "NONE", -3),
    ("a_color", 1, 1),
    ("a_color", 99, 99),
    ("a_name", "", ""),
    ("a_name", "sixsix", "sixsix"),
    ("a_name", "näöe", "näöe"),
    ("a_name", b"raw", "raw"),
    ("a_name", "end\0\0", "end"),
    ("an_array", [1, 2, 65535], (1, 2, 65535)),
    ("an_array", range(3), (0, 1, 2)),
    ("an_inner", {"b": -1}, (0, -1)),
    ("an_inner", (255, 5), (255, 5)),
    ("an_inner", SimpleNamespace(a=1, b=2), (1, 2)),
    ("a_v4", "10.1.2.3", IPv4Address("10.1.2.3")),
    ("a_v4", IPv4Address("255.0.0.1"), IPv4Address("255.0.0.1")),
    ("a_v4", 1, IPv4Address("0.0.0.1")),
    ("a_v6", "fe80::1", IPv6Address("fe80::1")),
    ("a_v6", 1, IPv6Address("::1")),
    ("a_v6", bytes(range(16)), IPv6Address(bytes(range(16)))),
    ("a_mac", "02:00:00:00:00:1f", MacAddress("02-00-00-00-00-1F")),
    ("a_mac", b"abcdef", MacAddress("616263646566")),
]


@pytest.mark.parametrize(("name", "value", "result"), GOOD)
def test_what_goes_in_comes_out(shapes: ModuleType, name: str, value: object, result: object) -> None:
    variable = getattr(shapes, name)
    variable.value = value
    assert variable.value == result


WRONG: list[tuple[str, object, type[Exception]]] = [
    ("a_bool", 2, TypeError),
    ("a_bool", 1.0, TypeError),
    ("a_bool", "True", TypeError),
    ("a_bool", None, TypeError),
    ("a_color", "PURPLE", ValueError),
    ("a_color", 1 << 31, OverflowError),
    ("a_name", "seven77", OverflowError),
    ("a_name", "ääää", OverflowError),  # 4 characters, 8 bytes
    ("a_name", "a\0b", ValueError),
    ("a_name", "\ud800", ValueError),
    ("a_name", 5, TypeError),
    ("a_name", None, TypeError),
    ("an_array", [1, 2], ValueError),
    ("an_array", [1, 2, 3, 4], ValueError),
    ("an_array", [1, 2, 65536], OverflowError),
    ("an_array", [1, 2, "3"], TypeError),
    ("an_array", {1, 2, 3}, TypeError),
    ("an_array", {1: 1, 2: 2, 3: 3}, TypeError),
    ("an_array", 5, TypeError),
    ("an_inner", {"c": 1}, TypeError),
    ("an_inner", {"a": 256}, OverflowError),
    ("an_inner", (1,), TypeError),
    ("an_inner", SimpleNamespace(a=1), TypeError),
    ("an_inner", 5, TypeError),
    ("a_v4", "10.1.2", ValueError),
    ("a_v4", IPv6Address("::1"), TypeError),
    ("a_v4", 1 << 32, OverflowError),
    ("a_v6", "10.1.2.3", ValueError),
    ("a_v6", "fe80::1%eth0", ValueError),
    ("a_v6", IPv4Address("10.0.0.1"), TypeError),
    ("a_v6", -1, ValueError),
    ("a_mac", "02:00:00:00:00", ValueError),
    ("a_mac", "1:23:45:67:89:ab:c", ValueError),
    ("a_mac", 5, TypeError),
    ("a_mac", b"abcde", TypeError),
]


@pytest.mark.parametrize(("name", "value", "error"), WRONG)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    shapes: ModuleType, name: str, value: object, error: type[Exception]
) -> None:
    variable = getattr(shapes, name)
    before = variable.value
    with pytest.raises(error, match=name) as caught:
        variable.value = value
    assert caught.type is error
    assert variable.value == before


def test_a_struct_lies_as_in_c_and_the_program_reads_and_copies_it(shapes: ModuleType, session: pyebpf.Session) -> None:
    given = shapes.Value(
        flag=True, color=shapes.Color.NONE, name="näme", numbers=[1, 2, 300], inner=shapes.Inner(a=9),
        inners=[shapes.Inner(), shapes.Inner(b=-1000)], v4="10.0.0.1", v6="fe80::1", mac="02:00:00:00:00:01", port=443,
    )  # fmt: skip
    shapes.a_value.value = given
    memory = CValue.from_buffer_copy(in_memory(session, "a_value", ctypes.sizeof(CValue)))
    assert (memory.flag, memory.color, memory.name.decode(), list(memory.numbers)) == (True, -3, "näme", [1, 2, 300])
    assert (memory.inner.a, memory.inners[1].b, memory.port) == (9, -1000, socket.htons(443))
    assert bytes(memory.v6) == IPv6Address("fe80::1").packed and bytes(memory.mac).hex() == "020000000001"

    shapes.keyed[shapes.Key(number=1, name="given")] = given
    session.programs["use"].test_run(ctx=bytes(16))
    assert shapes.read.value == -1000 + 300 + 443
    copy = shapes.keyed[2, "copy"]
    assert copy == shapes.a_value.value
    assert (copy.color, copy.inner, copy.v4) == (shapes.Color.NONE, (9, 0), IPv4Address("10.0.0.1"))
    assert copy.color.name == "NONE"


def test_fields_that_are_not_given_are_zeros_of_their_type(shapes: ModuleType) -> None:
    value = shapes.Value()
    value.inner.b = 5
    shapes.a_value.value = value
    read = shapes.a_value.value
    assert (read.inner.b, read.mac, read.v6, read.name) == (5, MacAddress(bytes(6)), IPv6Address(0), "")
    assert shapes.Value().inner.b == 0 and shapes.Value() == shapes.Value()
    assert tuple(shapes.Value().inners) == read.inners


def test_a_record_of_another_struct_is_refused(shapes: ModuleType) -> None:
    shapes.keyed[1, "x"] = shapes.Value()
    key = next(iter(shapes.keyed))
    with pytest.raises(TypeError, match=r"an_inner is Inner, not Key\("):
        shapes.an_inner.value = key


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"caf\xc3", b"\\xff"])
def test_text_that_is_not_utf8_is_shown_and_stays_the_key_that_it_is(shapes: ModuleType, raw: bytes) -> None:
    """The kernel cuts names in the midst of a character."""
    shapes.names[raw] = 1
    shapes.names[b"other"] = 2
    [key] = [key for key in shapes.names if key != "other"]
    assert str.__str__(key) == raw.decode("utf-8", "backslashreplace") and key.isprintable()
    assert shapes.names[key] == shapes.names[raw] == 1
    assert pickle.loads(pickle.dumps(key)) == key
    del shapes.names[key]
    assert list(shapes.names) == ["other"]


def test_texts_that_look_alike_are_apart(shapes: ModuleType) -> None:
    shapes.names[b"\xff"], shapes.names["\\xff"] = 1, 2
    assert sorted(shapes.names.to_dict().values()) == [1, 2]


def test_escaped_surrogates_are_their_bytes(shapes: ModuleType) -> None:
    """`os.fsdecode` gives such names."""
    shapes.names["\udcff"] = 3
    assert shapes.names[b"\xff"] == 3
