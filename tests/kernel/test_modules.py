"""Types of modules beside the kernel's own: a folder as /sys/kernel/btf is, and what probes name in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from btf_writer import Writer
from click.testing import CliRunner

from pyebpf import CompileError
from pyebpf.cli.main import cli
from pyebpf.compiler import compile_target
from pyebpf.kernel.arguments import nearest_target, signature_of
from pyebpf.kernel.btf import Btf, BtfError, Kind
from pyebpf.kernel.btf_sections import Header
from pyebpf.kernel.hooks import Target

FUNCTIONS = Target("function")
PROBE = """from pyebpf import Array, cast, fentry, u64
seen = Array[u64](max_entries=2)

@fentry("wire:wire_send")
def sends(frame):
    seen[0] = u64(frame.length)
    seen[1] = u64(cast(frame, "struct frame").length)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A kernel with `int`, and a module with `int wire_send(struct frame *frame)`."""
    kernel = Writer()
    kernel.add("int", Kind.INT, 4, 1 << 24 | 32)  # 1
    data = kernel.data()
    module = Writer(first_string=Header.read(data).string_length)
    module.add("frame", Kind.STRUCT, 8, module.name("length"), 1, 32, count=1)  # 2
    module.add("", Kind.PTR, 2)  # 3
    module.add("", Kind.FUNC_PROTO, 1, module.name("frame"), 3, count=1)  # 4
    module.add("wire_send", Kind.FUNC, 4)  # 5
    types = tmp_path / "types"
    types.mkdir()
    (types / "vmlinux").write_bytes(data)
    (types / "wire").write_bytes(module.data())
    return types


def test_what_modules_have_is_found_beside_the_kernel(folder: Path) -> None:
    btf = Btf.from_folder(folder)
    assert [name for name, _ in btf.whole()] == ["", "wire"]
    found = btf.search("frame", Kind.STRUCT)
    assert found is not None and found[0] == "wire" and found[2] == 2 and found[1].base is btf
    assert btf.search("int", Kind.INT) == ("", btf, 1) and btf.find("frame", Kind.STRUCT) is None
    alone = Btf.from_file(folder / "vmlinux")
    assert alone.search("frame", Kind.STRUCT) is None


def test_functions_of_modules(folder: Path) -> None:
    btf = Btf.from_folder(folder)
    for name in ("wire_send", "wire:wire_send"):
        found = signature_of(btf, FUNCTIONS, name)
        assert found is not None and found.text == "int wire_send(struct frame *frame) [wire]"
        assert [(each.name, each.struct) for each in found.arguments] == [("frame", "frame")]
    for name in ("vmlinux:wire_send", "other:wire_send", "wire:other", ":"):
        assert signature_of(btf, FUNCTIONS, name) is None
    assert nearest_target(btf, FUNCTIONS, "wire:wire_sent") == "wire:wire_send"
    assert nearest_target(btf, FUNCTIONS, "wired:wire_send") == ""


def test_probes_on_modules_are_compiled(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    arguments = ["compile", str(path), "--btf", str(folder), "--emit", "asm"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0 and "fentry/wire:wire_send" in done.output, done.output
    for old, new, words in (
        ("(frame)", "(frames)", "int wire_send(struct frame *frame) [wire]"),
        ("wire_send", "wire_sent", '@fentry("wire:wire_send")'),
    ):
        path.write_text(PROBE.replace(old, new))
        with pytest.raises(CompileError, match=re.escape(words)):
            compile_target(path, btf=Btf.from_folder(folder))


def test_spoilt_modules(folder: Path) -> None:
    (folder / "wire").write_bytes(b"nothing")
    with pytest.raises(BtfError, match="wire"):
        Btf.from_folder(folder).search("frame", Kind.STRUCT)
    with pytest.raises(BtfError, match="vmlinux"):
        Btf.from_folder(folder / "missing")
