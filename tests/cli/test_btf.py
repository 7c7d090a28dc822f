"""`pyebpf btf`: small files of the kernel's types, and running with them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import pyebpf

from pyebpf.kernel.btf import Btf, Kind

PROBE = """from pyebpf import Hash, current_task, tracepoint, u32

parents = Hash[u32, u32](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    parents[1] = u32(current_task().real_parent.tgid)
"""


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    return path


def test_save(probe: Path, tmp_path: Path) -> None:
    """For a source and for the object of it; a few kilobytes, with the two members that are read."""
    small, again = tmp_path / "small.btf", tmp_path / "again.btf"
    done = pyebpf("btf", "save", probe, "-o", small)
    assert (done.returncode, done.stdout) == (0, "") and f"{small}: " in done.stderr, done.stderr
    btf = Btf.from_file(small)
    assert small.stat().st_size < 1000 and btf.count < 16
    task = btf.find("task_struct", Kind.STRUCT)
    assert task is not None and btf.member(task, "real_parent") and btf.member(task, "tgid")
    assert not btf.member(task, "pid") and btf.size_of(task) == Btf.running().size_of(
        Btf.running().find("task_struct", Kind.STRUCT) or 0
    )
    assert pyebpf("compile", probe, "-o", tmp_path / "probe.o").returncode == 0
    assert pyebpf("btf", "save", tmp_path / "probe.o", probe, "-o", again).returncode == 0
    assert again.read_bytes() == small.read_bytes()
    assert pyebpf("btf", "save", tmp_path / "probe.o", "--btf", small, "-o", again).returncode == 0
    assert again.read_bytes() == small.read_bytes(), "nothing is left to be taken away"


@pytest.mark.kernel
def test_run_with_it(probe: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.btf"
    assert pyebpf("compile", probe, "-o", tmp_path / "probe.o").returncode == 0
    assert pyebpf("btf", "save", probe, "-o", small).returncode == 0
    for file in (tmp_path / "probe.o", probe):
        done = pyebpf("run", file, "--btf", small, "--for", "0.3")
        assert done.returncode == 0, done.stderr
        assert "parents" in done.stdout


def test_a_hook_that_the_types_do_not_know(probe: Path, tmp_path: Path) -> None:
    """What it lacks has a name, and the version where it is known."""
    small, filtering = tmp_path / "small.btf", tmp_path / "filtering.py"
    assert pyebpf("btf", "save", probe, "-o", small).returncode == 0
    filtering.write_text("from pyebpf import NF, netfilter\n\n@netfilter\ndef guard(skb):\n    return NF.ACCEPT\n")
    done = pyebpf("check", filtering, "--btf", small)
    assert "error[E0620]: this kernel has no context `bpf_nf_ctx` in its BTF" in done.stderr
    assert "= help: @netfilter came with Linux 6.4" in done.stderr
    done = pyebpf("check", filtering, "--btf", small, "--kernel", "6.1")
    assert "error[E0224]: @netfilter needs Linux 6.4, and this is compiled for 6.1" in done.stderr


def test_what_cannot_be_saved(probe: Path, tmp_path: Path) -> None:
    """Exit codes: 1 for broken BTF and objects, 2 for usage."""
    broken = tmp_path / "broken.btf"
    broken.write_bytes(b"\x9f\xeb\x01\0" + bytes(40))
    done = pyebpf("btf", "save", probe, "--btf", broken, "-o", tmp_path / "out.btf")
    assert done.returncode == 1 and "broken.btf: BTF header" in done.stderr, done.stderr
    assert not (tmp_path / "out.btf").exists()
    done = pyebpf("btf", "save", probe, "-o", probe)
    assert done.returncode == 2 and "one of the files to be read" in done.stderr and probe.read_text() == PROBE
    assert pyebpf("btf", "save", "-o", tmp_path / "out.btf").returncode == 2
    assert pyebpf("btf", "save", probe).returncode == 2
    assert "save" in pyebpf("btf", "--help").stdout


def test_show_a_struct() -> None:
    """Members as the reader's other ways find them; nameless structs within, with offsets from the outermost one."""
    found = shown("struct sk_buff")
    btf = Btf.running()
    buffer = btf.find("sk_buff", Kind.STRUCT)
    assert buffer is not None
    assert (found["kind"], found["name"], found["size"]) == ("struct", "sk_buff", btf.size_of(buffer))
    named = {each["name"]: each for each in members(found) if each["name"]}
    assert {"next", "dev", "len", "cloned", "protocol", "cb"} <= named.keys()
    for name, each in named.items():
        access = btf.member(buffer, name)
        assert access is not None
        bits = {"bit": access.bit_offset % 8, "bits": access.bit_size} if access.bit_size else {}
        assert {key: each[key] for key in bits} == bits, name
        assert each["offset"] == access.byte_offset + access.bit_offset // 8, name
    text = pyebpf("btf", "show", "sk_buff").stdout.splitlines()
    assert text[0] == f"struct sk_buff  # {btf.size_of(buffer):,} bytes"
    assert f"{named['cb']['offset']:>8} {48:>6}  char cb[48]" in text
    assert f"{named['dev']['offset']:>8} {8:>6}        struct net_device *dev" in text  # in two unions and a struct


def members(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in found.get("members", ()):
        yield each
        if not each["name"]:
            yield from members(each)


def shown(name: str, *options: object) -> dict[str, Any]:
    done = pyebpf("btf", "show", name, "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_show_others() -> None:
    enum = shown("enum pid_type")
    assert enum["enumerators"][1] == {"name": "PIDTYPE_TGID", "value": 1} and enum["size"] == 4
    assert "  PIDTYPE_TGID = 1" in pyebpf("btf", "show", "pid_type").stdout.splitlines()
    assert pyebpf("btf", "show", "typedef pid_t").stdout == "typedef __kernel_pid_t pid_t  # 4 bytes\n"
    assert pyebpf("btf", "show", "vfs_read").stdout.startswith("ssize_t vfs_read(struct file *file, char *buf, size_t ")
    assert shown("function vfs_read")["kind"] == "function"
    assert shown("union sigval")["kind"] == "union"
    assert shown("int")["kind"] == "integer"


def test_show_of_files(probe: Path, tmp_path: Path) -> None:
    """Of small BTF, and of an object, what these have."""
    assert pyebpf("compile", probe, "-o", tmp_path / "probe.o").returncode == 0
    assert pyebpf("btf", "save", probe, "-o", tmp_path / "small.btf").returncode == 0
    for file in ("small.btf", "probe.o"):
        names = [each["name"] for each in shown("task_struct", "--btf", tmp_path / file)["members"]]
        assert sorted(names) == ["real_parent", "tgid"]
    done = pyebpf("btf", "show", "file", "--btf", tmp_path / "small.btf")
    assert done.returncode == 2 and f"there is no file in {tmp_path / 'small.btf'}" in done.stderr


@pytest.mark.parametrize(
    "name, words",
    [
        ("tcp_sok", "did you mean tcp_sock"),
        ("struct pid_type", "there is no struct pid_type"),
        ("struct a b", "names no type"),
        ("class file", "names no type"),
        ("", "names no type"),
        ("\u00e4\udcff", "there is no"),
    ],
)
def test_what_is_not_shown(name: str, words: str) -> None:
    done = pyebpf("btf", "show", name)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_type_without_an_end(tmp_path: Path) -> None:
    """A struct that lies in itself, without a name: BTF that no compiler writes."""
    raw = tmp_path / "spoilt.btf"
    names = b"\0one\0"
    types = struct.pack("<III III", 1, 4 << 24 | 1, 8, 0, 1, 0)
    raw.write_bytes(struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(names)) + types + names)
    found = shown("one", "--btf", raw)
    assert found["size"] == 8 and len(json.dumps(found)) < 10_000
