"""Tracepoints: the shipped table and BTF against what the running kernel's tracefs says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.syscalls import SYSCALLS
from pyebpf.kernel.tracefs import TracepointsUnavailable, read_text, tracefs
from pyebpf.kernel.tracepoint_fields import TracepointField, fields_of_format
from pyebpf.kernel.tracepoints import (
    raw_tracepoint_names,
    tracepoint_fields,
    tracepoint_id,
    tracepoint_names,
)

OLD_FORMAT = """name: sched_switch
ID: 318
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:char prev_comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;
\tfield:u32 words[FEW];\toffset:24;\tsize:12;\tsigned:0;
\tfield:__data_loc char[] name;\toffset:36;\tsize:4;\tsigned:1;
\tfield:__data_loc u64[] times;\toffset:40;\tsize:4;\tsigned:0;
\tfield:const struct page * page;\toffset:48;\tsize:8;\tsigned:0;
\tfield:long prev_state;\toffset:56;\tsize:8;\tsigned:1;

print fmt: "prev_comm=%s", REC->prev_comm
"""


@pytest.fixture
def root() -> Iterator[int]:
    try:
        with tracefs() as descriptor:
            yield descriptor
    except TracepointsUnavailable as error:
        pytest.skip(error.reason)


@pytest.fixture
def btf() -> Btf:
    try:
        return Btf.running()
    except BtfError as error:
        pytest.skip(str(error))


def test_execve_needs_no_kernel() -> None:
    found = tracepoint_fields("syscalls", "sys_enter_execve")
    assert found is not None and found.source == "table"
    assert found.field("filename") == TracepointField("filename", 16, 8, False, "user_pointer", 1)
    assert [field.name for field in found.fields] == ["__syscall_nr", "filename", "argv", "envp"]


def test_system_calls_in_general() -> None:
    enter = tracepoint_fields("raw_syscalls", "sys_enter")
    leave = tracepoint_fields("raw_syscalls", "sys_exit")
    assert enter is not None and enter.struct == "trace_event_raw_sys_enter"
    assert enter.field("args") == TracepointField("args", 16, 8, False, "array", 6)
    assert leave is not None and leave.field("ret") == TracepointField("ret", 16, 8, True, "integer", 1)


def test_the_table_is_well_formed() -> None:
    for name in SYSCALLS:
        found = tracepoint_fields("syscalls", f"sys_enter_{name}")
        assert found is not None and len(found.fields) <= 7
        names = [field.name for field in found.fields]
        assert len(set(names)) == len(names), name


@pytest.mark.kernel
def test_the_table_matches_the_running_kernel(root: int) -> None:
    compared = 0
    for full in tracepoint_names():
        category, _, name = full.partition(":")
        if category not in ("syscalls", "raw_syscalls"):
            continue
        ours = tracepoint_fields(category, name)
        text = read_text(root, f"events/{category}/{name}/format")
        assert ours is not None and text is not None
        theirs = fields_of_format(text, user_pointers=category == "syscalls")
        if ours.source == "format":  # a call younger than the table
            continue
        compared += 1
        assert [field.name for field in ours.fields] == [field.name for field in theirs][: len(ours.fields)], full
        assert [field.offset for field in ours.fields] == [field.offset for field in theirs][: len(ours.fields)], full
        for mine, kernels in zip(ours.fields, theirs, strict=False):
            if name not in ("sys_enter_capget", "sys_enter_capset"):  # their pointers hide in typedefs
                assert (mine.kind == "user_pointer") == (kernels.kind == "user_pointer"), (full, mine)
            assert mine.size <= kernels.size, (full, mine)
    assert compared > 500


@pytest.mark.kernel
def test_btf_agrees_with_tracefs(root: int, btf: Btf) -> None:
    for category, name in (("sched", "sched_switch"), ("sched", "sched_wakeup"), ("sched", "sched_process_exec")):
        here = tracepoint_fields(category, name)
        there = tracepoint_fields(category, name, btf=btf)
        assert here is not None and there is not None
        assert (here.source, there.source) == ("format", "btf")
        assert here.fields == there.fields
        assert here.struct == there.struct != ""


@pytest.mark.kernel
def test_what_does_not_exist(root: int, btf: Btf) -> None:
    assert tracepoint_fields("sched", "sched_swich") is None
    assert tracepoint_fields("sched", "sched_swich", btf=btf) is None
    assert tracepoint_fields("../sched", "sched_switch") is None
    with pytest.raises(LookupError):
        tracepoint_id("sched", "sched_swich")
    with pytest.raises(LookupError):
        tracepoint_id("..", "events")


@pytest.mark.kernel
def test_names_and_ids(root: int, btf: Btf) -> None:
    names = tracepoint_names()
    assert "sched:sched_switch" in names and "raw_syscalls:sys_enter" in names
    assert tracepoint_id("sched", "sched_switch") > 0
    raw = raw_tracepoint_names(btf)
    assert "sched_switch" in raw and "sys_enter" in raw and raw == tuple(sorted(raw))


@pytest.mark.kernel
def test_nothing_stays_mounted(root: int) -> None:
    with open("/proc/self/mountinfo") as file:
        before = file.read()
    descriptors = len(os.listdir("/proc/self/fd"))
    tracepoint_names()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    with open("/proc/self/mountinfo") as file:
        assert file.read() == before


def test_formats_of_older_kernels() -> None:
    assert fields_of_format(OLD_FORMAT) == (
        TracepointField("prev_comm", 8, 1, False, "text", 16),
        TracepointField("words", 24, 4, False, "array", 3),
        TracepointField("name", 36, 4, False, "data_loc", 1, 1),
        TracepointField("times", 40, 4, False, "data_loc", 1, 8),
        TracepointField("page", 48, 8, False, "kernel_pointer", 1),
        TracepointField("prev_state", 56, 8, True, "integer", 1),
    )
