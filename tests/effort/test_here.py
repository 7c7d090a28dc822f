"""What is loaded where it is compiled need only suit this kernel's verifier."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyebpf
from pyebpf import CompileError
from pyebpf.effort import rules_for
from pyebpf.kernel.versions import running_version

SOURCE = Path(__file__).parent / "for_some_verifiers.txt"


def test_a_program_that_newer_verifiers_cannot_follow_is_loaded_by_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(SOURCE.read_text())
    with pytest.raises(CompileError) as caught:
        pyebpf.compile(path)  # for all kernels
    assert [each.code for each in caught.value.diagnostics] == ["E0253"]
    running = running_version()
    assert running is not None
    if rules_for(running).circles:  # it is one of the newer ones
        with pytest.raises(CompileError):
            pyebpf.load(path, attach=False)
        return
    with pyebpf.load(path, attach=False):
        pass
