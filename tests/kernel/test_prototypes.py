"""What helpers take, against the kernel's header and against its verifier."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import import_file
from test_tables import UAPI, _kernel, needs_header

import pyebpf
from pyebpf.kernel.contexts import socket_of
from pyebpf.kernel.helpers import HELPERS, helper_by_name
from pyebpf.kernel.hooks import HOOKS, Hook
from pyebpf.kernel.maps import MAP_KINDS
from pyebpf.kernel.prototypes import INSTEAD, OF_SOCKETS, OF_STRUCTS, PROTOTYPES, Parameter, Prototype
from pyebpf.kernel.sockets import LOOKUPS

NUMBERS = {"int": "i32", "s32": "i32", "__be16": "be16", "__wsum": "u32"}
RESULTS = {"long": "int", "int": "int", "s64": "int"}
OTHERWISE = {
    "perf_event_read": "int",  # the header says u64; it gives -errno all the same
    "get_current_task": "task_struct",
    "get_current_task_btf": "task_struct",
    "task_pt_regs": "pt_regs",
    **dict.fromkeys(("per_cpu_ptr", "this_cpu_ptr"), "variable"),
    "dynptr_data": "slice",  # a part of a dynptr, of a type that is asked for
    "sock_from_file": "socket",
    **{f"skc_to_{name}": name for name in ("tcp6_sock", "tcp_sock", "tcp_timewait_sock", "tcp_request_sock")},
    **{f"skc_to_{name}": name for name in ("udp6_sock", "unix_sock", "mptcp_sock")},
    **dict.fromkeys(("sk_lookup_tcp", "sk_lookup_udp", "get_listener_sock"), "bpf_sock"),
    "skc_lookup_tcp": "bpf_sock_common",
    "tcp_sock": "bpf_tcp_sock",
}
"""Results that the header calls by another type."""


def header() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Each helper's result, and its parameters as types and names; of several prototypes the last."""
    text = UAPI.read_text()
    text = text[text.index("Start of BPF helper function descriptions") : text.index("BPF_FUNC_MAPPER(FN")]
    found = {}
    for match in re.finditer(r"^ \* ((?:const )?\w+(?: \w+)* \*?)bpf_(\w+)\(([^()]*)\)$", text, re.M):
        result, name, parameters = match[1].strip(), match[2], re.sub(r"\s*\n \*\s*", " ", match[3])
        pairs = [re.fullmatch(r"(.*?)(\w+)", each.strip()) for each in parameters.split(",")]
        taken = [(pair[1].strip(), pair[2]) for pair in pairs if pair is not None]
        found[name] = (result, [] if parameters == "void" else taken)
    return found


def test_every_helper_has_one() -> None:
    """A helper can be called, or a message says what to write instead; never both."""
    callable = {row.name for row in PROTOTYPES}
    assert len(callable) == len(PROTOTYPES)
    assert callable | set(INSTEAD) == {helper.name for helper in HELPERS}
    assert not callable & set(INSTEAD)


@needs_header
@pytest.mark.parametrize("row", PROTOTYPES, ids=lambda row: row.name)
def test_prototypes_match_the_header(row: Prototype) -> None:
    theirs = header()
    if row.name not in theirs:
        pytest.skip("this header is older than the helper")
    result, parameters = theirs[row.name]
    assert OTHERWISE.get(row.name, RESULTS.get(result, result)) == row.result
    for parameter in row.parameters:
        type, name = parameters.pop(0)
        assert parameter.kind == "context" or parameter.name == name
        assert ("*" in type) == (parameter.kind not in ("number", "net", "type")), f"{type} {name}"
        match parameter.kind:
            case "number":
                otherwise = row.name == "redirect_map" or name == "netns"  # BPF_F_CURRENT_NETNS is -1
                assert NUMBERS.get(type, type) == parameter.type or otherwise, f"{type} {name}"
            case "memory" if not parameter.size:
                size, _ = parameters.pop(0)
                assert size in ("u32", "u64", "int", "size_t"), "memory without a size, or the other way round"
            case "memory":
                assert "const" not in type or parameter.use == "in"
            case "map":
                assert type == "struct bpf_map *" or name == "ringbuf"
    assert not parameters, "more arguments than the table has"


MAPS = {
    "RINGBUF": "RingBuf[Pair](size=4096)",
}
"""Maps of the language that helpers take, by type."""


def argument(row: Prototype, parameter: Parameter, hook: Hook) -> str | None:
    """Something of the right kind; None if the language has nothing of it."""
    match parameter.kind:
        case "context":
            # Arguments of a struct's or of the kernel's types are no context.
            return None if hook.name == "syscall" or "," in hook.parameter else hook.parameter
        case "number":
            return "2" if parameter is row.parameters[-1] and row.name in CONSTANT else "number"
        case "net":
            return "7"
        case "address":
            return "1234"
        case "memory":
            return "memory" if parameter.size else "memory[:n]"
        case "map":
            kinds = {kind.type for kind in MAP_KINDS} & set(parameter.maps)
            known = [type.name for type in kinds if type.name in MAPS]
            return f"a_{known[0]}" if known else None
        case "struct":
            return "current_task()" if parameter.type == "task_struct" else None
        case "percpu":
            return None  # without KALLSYMS_ALL no program is loaded that names one


CONSTANT = ("l3_csum_replace", "l4_csum_replace")
"""Helpers whose flags must be known when the program is compiled: they say how many bytes a number has."""
TARGETS = {
    "tracepoint": "sched:sched_switch",
    "raw_tracepoint": "sched_switch",
    "tp_btf": "sched_switch",
    "iterator": "task",
}
"""What the hooks are put on that need to be told."""


def use(call: str, row: Prototype) -> str:
    """The statements with the call: a socket that is found is given back."""
    if row.name in LOOKUPS:
        return f"    with {call} as given:\n        result.value += given.family"
    return f"    given = {call}\n    if given is not None and given:\n        result.value += memory[n & 31]"


def source(row: Prototype, hook: Hook) -> str | None:
    """A probe that calls the helper with numbers and sizes that may be anything."""
    if hook.target is not None and row.name in OF_STRUCTS:
        return None
    if (row.name, hook.program_type) in OF_SOCKETS and socket_of(hook) is None:
        return None
    arguments = [argument(row, parameter, hook) for parameter in row.parameters]
    if None in arguments:
        return None
    if (row.name, hook.program_type) in OF_SOCKETS:
        arguments[0] = f"{hook.parameter}.socket"
    texts = [
        f"{parameter.type}(config.value)" if text == "number" else str(text)
        for parameter, text in zip(row.parameters, arguments, strict=True)
    ]
    return f"""
from pyebpf import *
from pyebpf.helpers import {row.name}

@struct
class Pair:
    a: u64
    b: u64

a_RINGBUF = RingBuf[Pair](size=4096)
config, result = Global[u64](3), Global[u64](0)

@{hook.name}{f'("{TARGETS[hook.name]}")' if hook.name in TARGETS else ""}
def probe({hook.parameter}{": Pair" if hook.name == "syscall" else ""}):
    n = config.value
    memory = u8[64]()
{use(f"{row.name}({', '.join(texts)})", row)}
    return {hook.default}
"""


def calling(row: Prototype) -> Iterator[Hook]:
    """Of each type of program a hook whose programs may call it, if there is one."""
    found, seen = helper_by_name(row.name), set()
    assert found is not None
    for hook in HOOKS:
        since = found.allowed_since(hook.program_type, hook.attach_type)
        told = (not hook.takes or hook.name in TARGETS) and hook.program_type not in seen
        if told and not found.sleeps and since is not None and since <= _kernel() and source(row, hook) is not None:
            seen.add(hook.program_type)
            yield hook


CALLS = [
    pytest.param(row, hook, id=f"{row.name}-{hook.name}")
    for row in PROTOTYPES
    if row.name != "probe_write_user"
    for hook in calling(row)
]
"""What the language has all arguments of: no maps of devices, of perf events, of stack traces yet. Kernels that are
locked down have no `probe_write_user`, and no programs on functions of the kernel."""


@pytest.mark.kernel
@pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")
@pytest.mark.filterwarnings("error::pyebpf.loader.errors.LoadWarning")
@pytest.mark.parametrize(("row", "hook"), CALLS)
def test_the_verifier_takes_every_call(row: Prototype, hook: Hook, tmp_path: Path) -> None:
    """Where a hook's programs may call a helper, what is compiled of such a call loads, with any numbers and sizes."""
    text = source(row, hook)
    assert text is not None
    path = tmp_path / "probes.py"
    path.write_text(text)
    with pyebpf.load(import_file(path).probe, attach=False) as session:
        assert session.programs
