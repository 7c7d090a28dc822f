"""What is loaded where it is compiled need only suit this kernel's verifier."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyebpf
from pyebpf import CompileError
from pyebpf.effort import rules_for
from pyebpf.kernel.versions import parse_version, running_version

pytestmark = pytest.mark.kernel


def source(folder: Path, name: str) -> Path:
    """One of the programs beside this file, as a module."""
    path = folder / "probe.py"
    path.write_text((Path(__file__).parent / f"{name}.txt").read_text())
    return path


def test_a_program_that_newer_verifiers_cannot_follow_is_loaded_by_older_ones(tmp_path: Path) -> None:
    path = source(tmp_path, "for_some_verifiers")
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


def test_of_functions_in_functions_in_functions_no_more_is_accepted_than_can_be_loaded(tmp_path: Path) -> None:
    """6.18 gives up, where the walk finds 153,000 instructions."""
    path = source(tmp_path, "functions_in_functions")
    try:
        pyebpf.compile(path, kernel=running_version())
    except CompileError as error:
        assert [each.code for each in error.diagnostics] == ["E0253"]
        return
    with pyebpf.load(path, attach=False):
        pass


@pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")
def test_where_one_plan_keeps_more_than_the_stack_holds_another_is_taken(tmp_path: Path) -> None:
    path = source(tmp_path, "kept_by_some_plans")
    for_618 = parse_version("6.18")
    assert pyebpf.compile(path, kernel=for_618)
    if running_version() == for_618:
        with pyebpf.load(path, attach=False):
            pass
