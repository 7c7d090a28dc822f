"""What functions and tracepoints take, by BTF: one with every kind of argument, and the running kernel's."""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable

import pytest

from pyebpf.kernel.arguments import Argument, nearest, nearest_target, signature_of, syscall_signature
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.hooks import FENTRY, FEXIT, LSM, TP_BTF, Target
from pyebpf.kernel.registers import ARCHITECTURES, Registers, registers_of
from pyebpf.kernel.syscalls import SYSCALLS


class Types:
    """Builds BTF by hand, a type after the other."""

    def __init__(self) -> None:
        self.strings = b"\0"
        self.types: list[bytes] = []

    def string(self, text: str) -> int:
        if not text:
            return 0
        at = len(self.strings)
        self.strings += text.encode() + b"\0"
        return at

    def add(self, kind: Kind, name: str = "", size: int = 0, words: Iterable[int] = (), count: int = 0) -> int:
        self.types.append(struct.pack("=III", self.string(name), kind << 24 | count, size))
        self.types[-1] += b"".join(struct.pack("=I", word) for word in words)
        return len(self.types)

    def function(self, name: str, result: int, *parameters: tuple[str, int]) -> int:
        words = [word for each, type_id in parameters for word in (self.string(each), type_id)]
        prototype = self.add(Kind.FUNC_PROTO, "", result, words, len(parameters))
        return self.add(Kind.FUNC, name, prototype)

    def btf(self) -> Btf:
        body = b"".join(self.types)
        header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(self.strings))
        return Btf.from_bytes(header + body + self.strings)


def test_kinds_of_arguments() -> None:
    types = Types()
    number = types.add(Kind.INT, "int", 4, [1 << 24 | 32])
    flag = types.add(Kind.INT, "_Bool", 1, [4 << 24 | 8])
    letter = types.add(Kind.INT, "char", 1, [1 << 24 | 8])
    wide = types.add(Kind.INT, "__int128", 16, [1 << 24 | 128])
    file = types.add(Kind.STRUCT, "file", 24)
    to_file = types.add(Kind.PTR, size=file)
    text = types.add(Kind.PTR, size=types.add(Kind.CONST, size=letter))
    user = types.add(Kind.PTR, size=types.add(Kind.TYPE_TAG, "user", file))
    size = types.add(Kind.TYPEDEF, "size_t", number)
    callback = types.add(Kind.PTR, size=types.add(Kind.FUNC_PROTO, "", 0, [0, to_file], 1))
    table = types.add(Kind.PTR, size=types.add(Kind.ARRAY, "", 0, [number, number, 4]))
    types.function(
        "all_of_it",
        size,
        *(("a", number), ("b", flag), ("whole", file), ("file", to_file), ("text", text), ("buf", user)),
        *(("call", callback), ("table", table), ("n", wide)),
    )
    found = signature_of(types.btf(), FENTRY.target or Target(""), "all_of_it")
    assert found is not None
    assert found.text == (
        "size_t all_of_it(int a, _Bool b, struct file whole, struct file *file, const char *text, "
        "struct file __user *buf, void (*call)(struct file *), int (*table)[4], __int128 n)"
    )
    kinds = [(each.name, each.kind, each.place, each.struct or each.space) for each in found.arguments]
    assert kinds == [
        *(("a", "integer", 0, "any"), ("b", "boolean", 1, "any"), ("whole", "other", 2, "any")),
        *(("file", "struct", 5, "file"), ("text", "address", 6, "kernel"), ("buf", "address", 7, "user")),
        *(("call", "address", 8, "kernel"), ("table", "address", 9, "kernel"), ("n", "other", 10, "any")),
    ]
    assert found.result == Argument("ret", "integer", "size_t ret", 12, 4, True)


def test_without_tags_an_address_may_be_of_any_memory() -> None:
    types = Types()
    nothing = types.add(Kind.PTR)
    types.function("f", 0, ("p", nothing))
    found = signature_of(types.btf(), FENTRY.target or Target(""), "f")
    assert found is not None and found.result is None and found.text == "void f(void *p)"
    assert found.arguments[0].space == "any"


def test_names_of_a_tracepoint_come_from_the_function_that_calls_its_programs() -> None:
    types = Types()
    number, nothing = types.add(Kind.INT, "int", 4, [1 << 24 | 32]), types.add(Kind.PTR)
    prototype = types.add(Kind.FUNC_PROTO, "", 0, [0, nothing, 0, number], 2)
    types.add(Kind.TYPEDEF, "btf_trace_some", types.add(Kind.PTR, size=prototype))
    types.function("__traceiter_some", number, ("__data", nothing), ("state", number))
    found = signature_of(types.btf(), TP_BTF.target or Target(""), "some")
    assert found is not None
    assert (found.text, found.result) == ("void some(int state)", None)


@pytest.fixture(scope="module")
def running() -> Btf:
    try:
        return Btf.running()
    except Exception as error:
        pytest.skip(f"this kernel has no BTF: {error}")


def test_all_tracepoints_and_security_hooks_of_this_kernel(running: Btf) -> None:
    for hook, kind in ((TP_BTF, Kind.TYPEDEF), (LSM, Kind.FUNC)):
        assert hook.target is not None
        prefix = hook.target.prefix
        names = [name[len(prefix) :] for name, _ in running.names(kind, prefix)]
        assert len(names) > 100 or not names
        for name in names:
            found = signature_of(running, hook.target, name)
            assert found is not None and found.text.endswith(")"), name
            if hook is TP_BTF:
                assert found.result is None and all(each.name for each in found.arguments), found.text


def test_of_this_kernel(running: Btf) -> None:
    assert FEXIT.target is not None and TP_BTF.target is not None
    found = signature_of(running, FEXIT.target, "vfs_read")
    assert found is not None and found.result is not None and found.result.place == 4
    assert [each.name for each in found.arguments] == ["file", "buf", "count", "pos"]
    assert signature_of(running, FEXIT.target, "no such function") is None
    assert signature_of(running, FEXIT.target, "file") is None  # a struct only
    assert nearest_target(running, FEXIT.target, "vfs_raed") == "vfs_read"
    assert nearest_target(running, TP_BTF.target, "sched_swich") == "sched_switch"
    assert nearest_target(running, TP_BTF.target, "") == ""


def test_nearest() -> None:
    assert nearest("tcp_conect", ["tcp_connect", "udp_connect", "tcp_close"]) == "tcp_connect"
    assert nearest("nothing like it", ["tcp_connect"]) == ""


@pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: row.machine)
def test_an_architecture_is_known_by_its_system_calls(row: Registers) -> None:
    types = Types()
    types.function(f"{row.syscall}read", types.add(Kind.INT, "long", 8, [1 << 24 | 64]))
    assert registers_of(types.btf()) is row
    assert len(row.arguments) >= 5 and len(row.syscall_arguments) == 6
    assert all(offset % 8 == 0 for offset in (*row.arguments, *row.syscall_arguments, row.result))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the names are those of x86-64")
def test_registers_lie_where_the_kernel_has_them(running: Btf) -> None:
    """`struct pt_regs` of the running kernel, by the names that the calling convention has for the registers."""
    row = registers_of(running)
    assert row is not None and row.machine == "x86_64"
    struct_id = running.find("pt_regs", Kind.STRUCT)
    assert struct_id is not None

    def offset(name: str) -> int:
        found = running.member(struct_id, name)
        assert found is not None
        return found.byte_offset

    assert row.arguments == tuple(map(offset, ("di", "si", "dx", "cx", "r8", "r9")))
    assert row.syscall_arguments == tuple(map(offset, ("di", "si", "dx", "r10", "r8", "r9")))
    assert row.result == offset("ax")


def test_system_calls() -> None:
    found = syscall_signature("openat")
    assert found is not None
    assert found.text == "long openat(int dfd, void *filename, int flags, umode_t mode)"
    assert [(each.kind, each.size, each.space) for each in found.arguments] == [
        *(("integer", 4, "any"), ("address", 8, "user"), ("integer", 4, "any"), ("integer", 2, "any"))
    ]
    assert syscall_signature("opanat") is None
    for name in SYSCALLS:
        assert syscall_signature(name) is not None
