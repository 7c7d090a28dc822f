"""What an assignment whose value raises leaves: what was there, as in Python, also where the kernel's helpers clear the
place that they fail to fill."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

import pyebpf

PROGRAM = """
from pyebpf import Array, Config, Global, Hash, NullPointerError, char, current_task, pid
from pyebpf import raw_tracepoint, struct, u32, u64


@struct
class Entry:
    number: u64
    name: char[24]
    bytes: u32[4]


only, zero, faults = Config[u32](0), Config[u64](0), Global[u64](0)
whole, text = Global[Entry](), Global[char[24]]("text")
entries, found = Array[Entry](max_entries=1), Hash[u32, Entry](max_entries=4)
number_left, name_left = Global[u64](0), Global[char[24]]("")


@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() != only.value or faults.value:
        return
    task = current_task()
    for _ in range(16):
        task = task.real_parent
    nowhere = task.mm  # the first task of all, its own parent, has no memory
    if nowhere is not None:
        return
    own = Entry(number=5, name="own")
    entries[0] = Entry(number=6, name="array")
    whole.value = Entry(number=7, name="global")
    found[2] = Entry(number=9, name="hash")
    try:
        {statement}
    except (NullPointerError, ZeroDivisionError):
        faults.value += 1
    number_left.value, name_left.value = own.number, own.name
"""
pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    "statement",
    [
        "own.number = nowhere.start_code",
        "own.name = nowhere.owner.comm",
        "own.name = f'<{nowhere.owner.comm}>'",
        "own = Entry(number=nowhere.start_code, name='other')",
        "whole.value.name = nowhere.owner.comm",
        "whole.value = Entry(number=8, name=nowhere.owner.comm)",
        "whole.value = Entry(number=8 // zero.value, name='other')",
        "text.value = f'<{nowhere.owner.comm}>'",
        "text.value = nowhere.owner.comm",
        "entries[0].name = nowhere.owner.comm",
        "entries[0].number = nowhere.start_code",
        "entries[0] = Entry(number=8, name=nowhere.owner.comm)",
        "found[1] = Entry(number=8, name=nowhere.owner.comm)",
        "own.number, own.name = 8, nowhere.owner.comm",
        "own.number += nowhere.start_code",
    ],
)
def test_nothing_is_changed(statement: str, tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PROGRAM.format(statement=statement))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pyebpf.load(path, config={"only": os.getpid()}) as session:
            os.getppid()
            left = {name: view.value for name, view in session.variables.items()}
            entry, found = session.maps["entries"][0], list(session.maps["found"])
    assert left["faults"] == 1
    assert (left["number_left"], left["name_left"], left["text"]) == (5, "own", "text")
    assert (left["whole"].number, left["whole"].name) == (7, "global")
    assert (entry.number, entry.name, found) == (6, "array", [2])
