"""What the kernel matrix makes of a case that went one way or another; without a guest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from case import FOLDER, Case, all_names, read_case
from compiling import Compiled
from matrix import Verdict, Went, last_words, table, verdict

CASE = Case("some", Path("some.py"), (5, 16), (6, 12), False, None, False, {})


def judged(kernel: str, accepted: bool, stage: str | None, case: Case = CASE) -> Verdict:
    answer: dict[str, Any] | None = {"stage": stage, "why": "that is why", "seconds": 1.0} if stage else None
    return verdict(kernel, Compiled(case, b"ELF" if stage else b"", accepted, "E0224"), answer)


@pytest.mark.parametrize(
    "kernel, accepted, stage, mark",
    [
        ("6.1", True, "ok", "ok"),
        ("5.16", True, "ok", "ok"),
        ("6.12", True, "ok", "ok"),
        ("6.1", True, "check", "FAILED"),
        ("6.1", True, "load", "FAILED"),
        ("6.1", True, "died", "FAILED"),
        ("6.1", False, None, "FAILED"),  # the compiler refuses what should work
        ("5.10", False, "load", "refused"),
        ("5.10", False, None, "refused"),
        ("6.18", False, "load", "refused"),
        ("5.10", False, "ok", "FAILED"),  # it works on a kernel that is older than the case says
        ("5.10", False, "check", "FAILED"),  # it loads there
        ("5.10", False, "died", "FAILED"),
        ("5.10", False, "start", "FAILED"),  # it isn't known what the kernel would have said
        ("5.10", True, "load", "FAILED"),  # what the compiler accepts for a kernel, that kernel must load
        ("6.18", True, "ok", "FAILED"),
    ],
)
def test_verdicts(kernel: str, accepted: bool, stage: str | None, mark: str) -> None:
    found = judged(kernel, accepted, stage)
    assert found.mark == mark
    assert found.why if mark != "ok" else not found.why


def test_a_portable_case_is_not_compiled_for_the_old_kernel() -> None:
    portable = Case("some", Path("some.py"), (5, 16), None, True, None, False, {})
    assert judged("5.10", True, "load", portable).mark == "refused"
    assert judged("5.10", True, "ok", portable).mark == "FAILED"


def test_what_needs_translation_must_be_refused_without_it() -> None:
    needs = Case("some", Path("some.py"), (5, 16), None, False, None, True, {})
    assert judged("6.12-s390x", True, "load", needs).mark == "refused"
    assert judged("6.12-s390x", True, "ok", needs).mark == "FAILED"
    assert judged("6.12-s390x", False, None, needs).mark == "refused"  # it has no such hook, perhaps
    assert judged("6.12", True, "ok", needs).mark == "ok"


def test_machines_that_have_it_later() -> None:
    case = Case("some", Path("some.py"), (5, 16), None, False, None, False, {"aarch64": (6, 4)})
    assert judged("6.1-arm64", True, "load", case).mark == "refused"
    assert judged("6.1-arm64", True, "ok", case).mark == "FAILED"
    assert judged("6.1", True, "ok", case).mark == "ok"
    assert judged("6.1", True, "load", case).mark == "FAILED"


def test_cases_whose_objects_load_on_older_kernels() -> None:
    case = Case("some", Path("some.py"), (5, 16), None, False, None, False, {}, loads=True)
    assert judged("5.10", True, "check", case).mark == "refused"
    assert judged("5.10", True, "load", case).mark == "refused"
    assert judged("5.10", True, "ok", case).mark == "FAILED"
    assert judged("6.1", True, "check", case).mark == "FAILED"


def test_objects_of_clang_are_refused_by_the_kernel_alone() -> None:
    case = Case("some", Path("some.py"), (5, 16), None, False, None, False, {}, foreign="some")
    assert judged("5.10", True, "load", case).mark == "refused"
    assert judged("5.10", True, "check", case).mark == "FAILED"
    assert judged("6.1", True, "load", case).mark == "FAILED"


def test_every_case_says_what_it_needs() -> None:
    for name in all_names():
        case = read_case(FOLDER / f"{name}.py")
        assert case.since >= (3, 15) and (case.until is None or case.until >= case.since), name


def test_the_table() -> None:
    one, two = judged("5.10", False, "load"), judged("6.1", True, "check")
    text = table([Went("5.10", (one,), 1.4, 10.0), Went("6.1", (two,), 2.0, 20.0)])
    assert [line.split() for line in text.splitlines()] == [
        ["5.10", "6.1"],
        ["some", "refused", "FAILED"],
        ["compile,", "run", "(s)", "1,", "10", "2,", "20"],
    ]


def test_what_a_kernel_says_when_it_dies() -> None:
    lines = [f"line {number}" for number in range(100)]
    assert last_words("\n".join(lines)) == "\n".join(lines[-30:])
    lines[20] = "Kernel panic - not syncing"
    assert last_words("\n".join(lines)) == "\n".join(lines[20:50])
