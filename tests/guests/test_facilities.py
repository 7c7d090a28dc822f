"""The table of facilities: each row names something that there is, and each case that it names can be read; a few rows
are tried here. All of them: `facilities.py`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import facilities
import facility_rows
from case import FOLDER, read_case
from facilities import NATIVE, Cell, Column, column, main, markdown, of_case, reasons
from facility_rows import FACILITIES, Facility

from pyebpf.kernel.least import LEAST_MAPS


def test_rows_name_what_there_is() -> None:
    names = [row.name for row in FACILITIES]
    assert len(names) == len(set(names))
    cases = {path.stem for path in FOLDER.glob("*.py")}
    for row in FACILITIES:
        assert bool(row.case) != bool(row.fact), row.name
        assert not row.case or row.case in cases, row.name
    assert {row.fact for row in FACILITIES if row.group == "maps"} == {f"map/{kind.name}" for kind in LEAST_MAPS}


@pytest.mark.parametrize(
    ("stage", "letters", "wrong"),
    [("ok", "yyy", False), ("check", "yyn", True), ("attach", "yn", True), ("load", "n", True), ("compile", "n", True)],
)
def test_what_a_case_said_is_a_cell(stage: str, letters: str, wrong: bool) -> None:
    case = read_case(FOLDER / "raw_tracepoint.py")
    row = next(row for row in FACILITIES if row.case == "raw_tracepoint")
    one = facilities.Compiled(case, b"", True, "")
    answer = {"stage": stage, "why": "it doesn't"}
    cell = of_case(row, "6.1", (6, 1), one, answer)
    assert (cell.letters, cell.wrong) == (letters, wrong)
    assert cell.why == ("it doesn't" if wrong else "")
    lacking = dataclasses.replace(row, lacks={"6.1": "built without it"})
    assert not of_case(lacking, "6.1", (6, 1), one, answer).wrong
    old = dataclasses.replace(case, since=(6, 6))
    assert not of_case(row, "6.1", (6, 1), facilities.Compiled(old, b"", True, ""), answer).wrong


def test_a_page_says_what_was_tried() -> None:
    cells = {row.name: Cell("yyy") for row in FACILITIES}
    first, second = FACILITIES[0].name, FACILITIES[1].name
    cells |= {first: Cell("yn", "it is broken", wrong=True), second: Cell("n", "built without")}
    made = [Column("6.1", "6.1.0-test", cells)]
    assert reasons(made, wrong=True) == [f"{first} on 6.1: yn: it is broken"]
    page = markdown(made)
    assert "`6.1` is 6.1.0-test" in page and f"| {first} | yn  |" in page
    assert f"- {second} on 6.1: n: built without" in page


@pytest.mark.kernel
def test_some_are_tried_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tuple(row for row in FACILITIES if row.case in ("raw_tracepoint", "cgroup_skb") or row.fact == "map/HASH")
    missing = Facility("tracing", "not there", fact="map/NOTHING")
    for module in (facilities, facility_rows):
        monkeypatch.setattr(module, "FACILITIES", (*rows, missing))
    found = column(NATIVE, facilities.CACHE)
    assert {name: cell.letters for name, cell in found.cells.items()} == {
        "raw_tracepoint": "yyy",
        "cgroup.skb": "yyy",
        "hash": "y--",
        "not there": "n--",
    }
    monkeypatch.setattr(facilities, "column", lambda kernel, cache: found)
    assert main(["--native"]) == 1
    assert "WRONG: not there on here: n--: wasn't tried" in capsys.readouterr().out
