"""`pyebpf hooks`: what it lists is what the kernel takes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from pyebpf.kernel.attachable import places
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.hooks import HOOKS, ITERATOR
from pyebpf.kernel.tracefs import read_text, tracefs
from pyebpf.loader import sys as bpf
from pyebpf.loader.instructions import returns

pytestmark = pytest.mark.kernel


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyebpf", "hooks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def listed(pattern: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(pattern, "--json").stdout)
    return found


def test_a_part_of_the_name_finds_it_with_its_arguments() -> None:
    found = {(place["name"], hook): place for place in listed("tcp_retransmit") for hook in place["hooks"]}
    function = found["tcp_retransmit_skb", "fentry"]
    assert (
        function["arguments"] == ["struct sock *sk", "struct sk_buff *skb", "int segs"] and function["result"] == "int"
    )
    assert ("tcp_retransmit_skb", "fmod_ret") not in found
    assert "const struct sk_buff *skb" in found["tcp_retransmit_skb", "tp_btf"]["arguments"]
    assert "sport: u16" in found["tcp:tcp_retransmit_skb", "tracepoint"]["arguments"]


def test_wildcards_match_the_whole_name() -> None:
    names = {place["name"] for place in listed("vfs_rea[dl]*")}
    assert "vfs_read" in names and all(name.startswith(("vfs_read", "vfs_real")) for name in names)


def test_every_tracepoint_is_there() -> None:
    with tracefs() as root:
        text = read_text(root, "available_events") or ""
    assert {place["name"] for place in listed("tracepoint") if place["name"]} == set(text.split())


def test_iterators_are_those_that_programs_load_for() -> None:
    """All functions with their prefix are tried: what is listed loads, and the others are refused."""
    btf = Btf.running()
    names = {place.name for place in places("iterator", btf)}
    assert {"task", "bpf_map", "tcp"} <= names
    for name, number in btf.names(Kind.FUNC, "bpf_iter_"):
        try:
            bpf.prog_load(
                ITERATOR.program_type,
                returns(0),
                "GPL",
                expected_attach_type=int(ITERATOR.attach_type or 0),
                attach_btf_id=number,
            ).close()
            loads = True
        except OSError:
            loads = False
        assert loads == (name.removeprefix("bpf_iter_") in names), name


def test_each_hook_is_listed() -> None:
    found = {hook for place in json.loads(run("--json").stdout) for hook in place["hooks"]}
    assert found == {hook.name for hook in HOOKS}
    shown = run().stdout
    assert all(f"@{hook.name}" in shown for hook in HOOKS)


def test_hooks_that_take_no_name_say_what_they_need() -> None:
    assert run("xdp").stdout.splitlines()[-1].strip() == "(packet) on: interface"


def test_nothing_of_that_name_is_a_usage_error() -> None:
    done = run("no_such_thing_anywhere")
    assert done.returncode == 2 and "no_such_thing_anywhere" in done.stderr
