"""The tables against the kernel's own header and against the verifier."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest
from helper_facts import disagreements, facts
from load_program import can_load

from pyebpf.kernel.constants import CONSTANTS, ERRORS, SIGNALS, constant
from pyebpf.kernel.helper_programs import RULES
from pyebpf.kernel.helpers import HELPERS, helper_by_id, helper_by_name
from pyebpf.kernel.maps import MAP_KINDS, MapType, map_kind_by_name
from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.storage import STORAGES, storage_by_type

UAPI = Path("/usr/include/linux/bpf.h")
needs_header = pytest.mark.skipif(not UAPI.exists(), reason=f"{UAPI} (linux-libc-dev) is not installed")


def header_helpers() -> dict[str, int]:
    text = UAPI.read_text()
    text = text[text.index("BPF_FUNC_MAPPER(FN") :]
    numbered = re.findall(r"^\tFN\((\w+), (\d+)", text, re.M)
    if numbered:  # since 6.2 the header gives the numbers
        return {name: int(number) for name, number in numbered if name != "unspec"}
    names = re.findall(r"^\tFN\((\w+)\)", text, re.M)
    return {name: number for number, name in enumerate(names) if name != "unspec"}


def test_helpers_are_unique_and_in_order() -> None:
    assert [helper.id for helper in HELPERS] == list(range(1, 212))
    assert len({helper.name for helper in HELPERS}) == len(HELPERS)
    versions = [helper.since for helper in HELPERS]
    assert versions == sorted(versions), "numbers are given in order of arrival"


def test_helpers_are_found() -> None:
    loop = helper_by_name("loop")
    assert loop is not None and loop.id == 181 and loop.since == (5, 17)
    assert helper_by_id(181) is loop
    assert helper_by_id(0) is None and helper_by_id(212) is None and helper_by_name("bpf_loop") is None


@needs_header
def test_helpers_match_the_header() -> None:
    ours = {helper.name: helper.id for helper in HELPERS}
    theirs = header_helpers()
    assert len(theirs) > 150
    assert {name: ours.get(name) for name in theirs} == theirs


@pytest.mark.kernel
def test_helpers_match_the_verifier() -> None:
    """Each helper called from each kind of program, under the GPL and under another licence: the verifier names what
    it minds first. `tests/guests` asks other kernels."""
    if reason := can_load():
        pytest.skip(reason)
    found = facts()
    asked = [name for name, answers in found.items() if len(answers) == len(HELPERS)]
    assert {"tracepoint", "xdp", "cgroup_skb", "socket_filter", "kprobe", "iterator"} <= set(asked)
    assert not disagreements(found, _kernel())


def test_where_helpers_may_be_called_and_since_when() -> None:
    def since(name: str, type: ProgramType, attach: int | None = None) -> tuple[int, int] | None:
        helper = helper_by_name(name)
        assert helper is not None
        return helper.allowed_since(type, attach)

    assert since("get_func_arg", ProgramType.TRACING, 24) == (5, 17)
    assert since("get_func_arg", ProgramType.TRACING, 28) is None
    assert since("get_current_comm", ProgramType.XDP) == (6, 16)
    assert since("get_current_comm", ProgramType.KPROBE) == (4, 2)
    assert since("xdp_adjust_head", ProgramType.TRACEPOINT) is None
    unknown = {name for rule in RULES for name in rule.helpers.split() if helper_by_name(name) is None}
    assert not unknown
    for rule in RULES:
        for name in rule.helpers.split():
            helper = helper_by_name(name)
            assert helper is not None and set(rule.programs) <= set(helper.programs), rule


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


def test_map_kinds() -> None:
    assert len({kind.name for kind in MAP_KINDS}) == len(MAP_KINDS)
    for kind in MAP_KINDS:
        assert map_kind_by_name(kind.name) is kind
    assert map_kind_by_name("Dict") is None


@needs_header
def test_storage_kinds() -> None:
    """Each is a map class, whose helpers the kernel has had no longer than its maps."""
    for kind in STORAGES:
        row = map_kind_by_name(kind.name)
        assert row is not None and row.type == kind.type and storage_by_type(kind.type) is kind
        assert row.key == kind.what and kind.get.since == kind.delete.since == row.since
        assert kind.hooks() and kind.key


def test_map_types_match_the_header() -> None:
    text = UAPI.read_text()
    block = text[text.index("enum bpf_map_type {") :]
    block = re.sub(r"/\*.*?\*/", "", block[: block.index("};")], flags=re.S)
    number = -1
    theirs: dict[str, int] = {}
    for name, value in re.findall(r"BPF_MAP_TYPE_(\w+)(?:\s*=\s*(\w+))?,", block):
        if value.startswith("BPF_MAP_TYPE_"):
            theirs[name] = theirs[value[len("BPF_MAP_TYPE_") :]]
            continue
        number = number + 1
        theirs[name] = number
    plain = {name: number for name, number in theirs.items() if not name.endswith("DEPRECATED")}
    assert len(plain) >= 30
    assert {name: MapType[name] for name in plain} == plain


@needs_header
@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("linux/if_ether.h", r"#define\s+(ETH_P_\w+)\s+(0x[0-9A-Fa-f]+|\d+)"),
        ("linux/in.h", r"(IPPROTO_\w+) = (\d+),"),
        ("linux/in6.h", r"#define\s+(IP(?:PROTO|V6)_\w+)\s+(\d+)"),
        ("asm-generic/errno-base.h", r"#define\s+(E\w+)\s+(\d+)"),
        ("asm-generic/errno.h", r"#define\s+(E\w+)\s+(\d+)"),
        ("linux/icmp.h", r"#define (ICMP_\w+)\s+(\d+)"),
        ("linux/icmpv6.h", r"#define (ICMPV6_\w+)\s+(\d+)"),
    ],
)
def test_constants_match_the_headers(file: str, pattern: str) -> None:
    found = re.findall(pattern, (Path("/usr/include") / file).read_text())
    assert len(found) > 20
    for name, value in found:
        if constant(name) is not None:
            assert constant(name) == int(value, 0), name


def test_constants() -> None:
    assert (constant("ETH_P_IP"), constant("IPPROTO_TCP"), constant("EPERM")) == (0x0800, 6, 1)
    assert (constant("AF_INET6"), constant("SIGKILL"), constant("nonsense")) == (10, 9, None)
    assert ERRORS["EWOULDBLOCK"] == ERRORS["EAGAIN"] == 11
    assert SIGNALS["SIGTERM"] == 15
    assert all(map(str.isidentifier, CONSTANTS))
    assert [name for name, value in CONSTANTS.items() if value < 0] == ["BPF_F_CURRENT_NETNS"]
