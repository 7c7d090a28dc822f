"""What loading costs: how often the kernel is called, and how often the object's and the kernel's types are gone
through. It must grow with the number of programs, and no faster."""

from __future__ import annotations

from collections import Counter
from typing import Any

import programs
import pytest

import pyebpf
from pyebpf.loader import core, sys
from pyebpf.object import btf_raw
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel
MAP_CREATE, PROG_LOAD, INFO, RAW_TRACEPOINT_OPEN, BTF_LOAD = 0, 5, 15, 17, 18
SOURCE = """
struct task_struct { int pid; int tgid; } __attribute__((preserve_access_index));
struct { __uint(type, 1); __uint(max_entries, 8); __type(key, int); __type(value, int); } seen SEC(".maps");
#define PROGRAM(n) SEC("raw_tp/sched_process_exit") int program##n(u64 *ctx) { \\
    struct task_struct *task = (void *)ctx[0]; int key = 0, pid = 0; \\
    if (lookup(&seen, &key)) probe_read_kernel(&pid, sizeof(pid), &task->tgid); \\
    return pid; }
PROGRAM(0) PROGRAM(1) PROGRAM(2) PROGRAM(3) PROGRAM(4) PROGRAM(5) PROGRAM(6) PROGRAM(7)
"""


def counting(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, counts: Counter[Any], key: Any = None) -> None:
    """Have calls of `owner.name` counted, by `key` or by their first argument."""
    real = getattr(owner, name)

    def counted(*arguments: Any, **named: Any) -> Any:
        counts[arguments[0] if key is None else key] += 1
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, counted)


def test_a_program_costs_three_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    obj = read_object(programs.build(SOURCE))
    assert len(obj.programs) == 8
    calls: Counter[Any] = Counter()
    counting(monkeypatch, sys, "bpf", calls)
    with pyebpf.load(obj) as session:
        assert len(session.links) == 8
    assert calls == {BTF_LOAD: 1, MAP_CREATE: 1, PROG_LOAD: 8, INFO: 8, RAW_TRACEPOINT_OPEN: 8}


def test_types_are_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    elf = programs.build(SOURCE)
    counts: Counter[Any] = Counter()
    counting(monkeypatch, btf_raw.RawBtf, "_records", counts, "object's types")
    counting(monkeypatch, btf_raw.Strings, "__init__", counts, "object's strings")
    counting(monkeypatch, core, "match", counts, "kernel's types")
    with pyebpf.load(read_object(elf), attach=False) as session:
        assert sum(len(program.spec.function.core) for program in session.programs.values()) == 8
    assert counts == {"object's types": 1, "object's strings": 1, "kernel's types": 1}
