"""The campaign's own parts: the same number is the same program, and findings come with small programs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from running import Kernel
from shorten import shorten
from trial import Tally, attempt, make

HERE = Path(__file__).parent


def test_a_number_is_always_the_same_program() -> None:
    assert make("a:1", 3) == make("a:1", 3)
    assert make("a:1", 3).probe != make("a:2", 3).probe


@pytest.mark.kernel
def test_a_finding_comes_with_a_smaller_program(kernel: Kernel) -> None:
    program = make("a:2", 1)
    probe = program.probe.replace("    out = outputs[0]\n", "    out = outputs[0]\n    y = 5 + missing\n")
    program = replace(program, probe=probe, python=" \n" * probe.count("\n"))
    finding = attempt(kernel, program, Tally())
    assert finding is not None and finding.kind.startswith("refused E")

    small = shorten(kernel, program, finding)

    written = [line for line in small.probe.splitlines() if line.strip()]
    assert "    y = 5 + missing" in written
    assert len(written) <= 5, small.probe


@pytest.mark.kernel
def test_the_command_counts_what_it_did() -> None:
    command = [sys.executable, str(HERE / "campaign.py"), "--programs", "6", "--seed", "b", "--cases", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 programs: ")
    assert "0 findings" in done.stdout
    assert done.stdout.rstrip().endswith("(go on with --from 6)")
