"""Stacks for other tools: folded lines, and speedscope's files by the rules of its schema."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some
from picture_data import kernel, server_load, user

from pyebpf.pictures.folded import folded
from pyebpf.pictures.frames import Frame, StackCount
from pyebpf.pictures.speedscope import speedscope

UNITS = ("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes")


def test_folded_lines() -> None:
    stacks = [
        StackCount(("app", 7), (*kernel("vfs_read"), *user("/bin/app", "load", "main")), 30),
        StackCount(("app", 7), (*kernel("vfs_read"), *user("/bin/app", "load", "main")), 1),
        StackCount(("a;b\n",), (Frame("Lfoo;bar", kind="jit"), Frame("")), 2),
        StackCount((), (Frame("never"),), 0),
    ]
    assert folded(stacks) == "a:b\\n;[unknown];Lfoo:bar 2\napp;7;main;load;vfs_read 31\n"
    assert folded(stacks, keys=False, marked=True) == "[unknown];Lfoo:bar_[j] 2\nmain;load;vfs_read_[k] 31\n"
    assert folded([]) == ""


@settings(deadline=None)
@given(some.lists(some.tuples(some.text(), some.text(), some.integers(1, 2**40)), max_size=6))
def test_folded_lines_are_read_back(found: list[tuple[str, str, int]]) -> None:
    lines = folded([StackCount((key,), (Frame(name),), count) for key, name, count in found]).splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == sum(count for *_, count in found)
    assert all(line.rpartition(" ")[0].count(";") == 1 for line in lines)


def check_schema(document: dict[str, Any]) -> None:
    """What https://www.speedscope.app/file-format-schema.json asks of a file with a sampled profile."""
    assert set(document) <= {"$schema", "shared", "profiles", "name", "activeProfileIndex", "exporter"}
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = document["shared"]["frames"]
    for frame in frames:
        assert set(frame) <= {"name", "file", "line", "col"} and type(frame["name"]) is str
        assert type(frame.get("file", "")) is str and type(frame.get("line", 1)) is int
    for profile in document["profiles"]:
        assert set(profile) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}
        assert profile["type"] == "sampled" and profile["unit"] in UNITS and type(profile["name"]) is str
        assert profile["startValue"] == 0 and profile["endValue"] == sum(profile["weights"])
        assert len(profile["samples"]) == len(profile["weights"])
        assert all(type(weight) is int for weight in profile["weights"])
        assert all(0 <= number < len(frames) for sample in profile["samples"] for number in sample)
    assert 0 <= document["activeProfileIndex"] < len(document["profiles"])


def test_speedscope_files() -> None:
    document = json.loads(speedscope(server_load(), title="on-CPU"))
    check_schema(document)
    profile, frames = document["profiles"][0], document["shared"]["frames"]
    first = [frames[number]["name"] for number in profile["samples"][0]]
    assert first[:4] == ["nginx", "812", "main", "ngx_master_process_cycle"] and first[-1] == "tcp_push"
    assert profile["weights"][0] == 420 and profile["endValue"] == 2181
    assert {"name": "render", "file": "/srv/app/server.py", "line": 12} in frames
    assert json.loads(speedscope(server_load(), unit="ns"))["profiles"][0]["unit"] == "nanoseconds"


@settings(deadline=None)
@given(some.lists(some.tuples(some.text(), some.text(), some.integers(1, 2**40)), max_size=6), some.text())
def test_speedscope_files_of_any_names(found: list[tuple[str, str, int]], title: str) -> None:
    stacks = [StackCount((key,), (Frame(name, key),), count) for key, name, count in found]
    check_schema(json.loads(speedscope(stacks, title=title).encode()))
