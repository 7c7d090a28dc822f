"""The tables of helpers and kfuncs against the verifiers of other kernels: `pytest -m guest tests/guests`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kernel")]

import helper_facts
import kfunc_facts
import machine

from pyebpf.kernel.versions import parse_version

ASK = HERE.parent / "kernel"


@pytest.mark.guest
@pytest.mark.parametrize("kernel", ("5.10", "6.1", "6.12", "6.18", "7.3"))
def test_helpers_match_the_verifier(kernel: str, tmp_path: Path) -> None:
    ended = machine.run(kernel, f"{sys.executable} {ASK}/helper_facts.py >/run/exchange/facts", tmp_path)
    assert ended.code == 0, ended.console
    found = json.loads((tmp_path / "facts").read_text())["kinds"]
    asked = [name for name, answers in found.items() if len(answers) == 211]
    assert {"kprobe", "tracepoint", "tp_btf", "fentry", "fexit", "fmod_ret", "lsm", "iterator"} <= set(asked)
    assert not helper_facts.disagreements(found, parse_version(kernel))


@pytest.mark.guest
@pytest.mark.parametrize("kernel", ("6.12", "6.18", "7.3"))
def test_kfuncs_match_the_verifier(kernel: str, tmp_path: Path) -> None:
    ended = machine.run(kernel, f"{sys.executable} {ASK}/kfunc_facts.py >/run/exchange/facts", tmp_path)
    assert ended.code == 0, ended.console
    told = json.loads((tmp_path / "facts").read_text())
    assert {"kprobe", "tracepoint", "tp_btf", "fentry", "lsm", "iterator"} <= set(told["kinds"])
    assert "bpf_task_acquire" in told["kfuncs"]
    assert not kfunc_facts.disagreements(told["kinds"], told["kfuncs"], parse_version(kernel))
