"""Every ported program and every sample: the instructions that the kernel gets are those that libbpf gives it.

The kernel makes a tag of each program, a hash of all instructions that it was given, descriptors of maps aside.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from pins import BPFTOOL, Pins

import pyebpf
from pyebpf.compiler import compile_target
from pyebpf.kernel.btf import Btf
from pyebpf.loader import sys as bpf
from pyebpf.loader.core import relocate
from pyebpf.loader.minimise import minimise

ROOT = Path(__file__).parents[2]
FILES = (*sorted((ROOT / "samples").glob("*.py")), *sorted((Path(__file__).parent / "programs").glob("*.py")))
pytestmark = pytest.mark.kernel


@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_same_instructions(path: Path, pins: Pins, tmp_path: Path) -> None:
    assert BPFTOOL is not None
    obj = compile_target(path)
    obj.save(tmp_path / "program.o")
    # `tc/egress` came with libbpf 1.3; older ones are told what it is.
    kind = ("type", "classifier") if all(each.section.startswith("tc/") for each in obj.programs) else ()
    done = pins.run(BPFTOOL, "prog", "loadall", tmp_path / "program.o", pins.folder / "all", *kind)
    assert done.returncode == 0, done.stderr
    theirs = {}
    for name in pins.run("ls", pins.folder / "all").stdout.split():
        shown = json.loads(pins.run(BPFTOOL, "-j", "prog", "show", "pinned", pins.folder / "all" / name).stdout)
        theirs[name] = (shown["tag"], shown["bytes_xlated"])
    with pyebpf.load(obj, attach=False) as session:
        ours = {name: tag_and_length(program.loaded.fd) for name, program in session.programs.items()}
    assert ours == theirs
    whole = relocate(obj, Btf.running())
    assert relocate(obj, Btf.from_bytes(minimise([obj], Btf.running()))) == whole
    print(f"{len(ours)} programs, {sum(length for _, length in ours.values()) // 8} instructions")


def tag_and_length(fd: int) -> tuple[str, int]:
    """Of `struct bpf_prog_info`: 8 bytes of tag behind type and id, and the length of what the verifier made of it."""
    info = bpf.obj_get_info_by_fd(fd)
    tag, _, xlated = struct.unpack_from("=8sII", info, 8)
    return tag.hex(), xlated
