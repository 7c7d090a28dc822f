"""Kernel pointers as numbers: by whatever way a program has come to one, the address is the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from places import import_file

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import Array, Global, Hash, cast, current_task, pid, raw_tracepoint, tp_btf, u32, u64

watched = Global[u32](0)
found = Array[u64](max_entries=8)
seen = Hash[u64, u64](max_entries=16)

@tp_btf("task_newtask")
def typed(task, clone_flags):
    if pid() == watched.value:
        found[0] = u64(task)
        found[1] = u64(task) >> 4 ^ 5
        found[2] = u64(task.mm)
        found[3] = u64(task.real_parent)
        seen[u64(task)] += 1

@raw_tracepoint("task_newtask")
def raw(ctx):
    if pid() == watched.value:
        found[4] = ctx.args[0]
        found[5] = u64(cast(ctx.args[0], "struct task_struct").mm)
        found[6] = u64(current_task())
        found[7] = u32(current_task())
        seen[ctx.args[0]] += 1
"""


def test_the_address_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    module = import_file(tmp_path / "program.py")
    with pyebpf.load(module) as session:
        module.watched.value = os.getpid()
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        module.watched.value = 0
        new, shifted, space, parent, again, space_again, own, low = module.found
        assert new >> 56 == 0xFF and (new, space, parent) == (again, space_again, own)
        assert (shifted, low) == (new >> 4 ^ 5, own & 0xFFFF_FFFF)
        assert module.seen.to_dict() == {new: 2} and not session.faults
