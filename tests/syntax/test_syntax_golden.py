"""Every construct of the language, and what it parses to."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_ast import Translator, captured, comparable
from golden import Case, cases

from pyebpf.diagnostics.base import CompileError
from pyebpf.syntax.dump import dump
from pyebpf.syntax.parse import parse

CASES = cases(*sorted((Path(__file__).parent / "cases").glob("*.test")))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_stage_prints(case: Case, pytestconfig: pytest.Config) -> None:
    given = captured(case.source)
    for stage in case.stages:
        if stage.name == "errors":
            with pytest.raises(CompileError) as error:
                parse(given)
            lines = [
                f"{d.code} {d.span.line}:{d.span.column}-{d.span.end_line}:{d.span.end_column} {d.text(d.title)}"
                for d in error.value.diagnostics
            ]
            case.check(stage, "\n".join(lines), pytestconfig)
        else:
            assert stage.name in ("ast", "ast with spans")
            case.check(stage, dump(parse(given), spans=stage.name == "ast with spans"), pytestconfig)


@pytest.mark.parametrize("case", [case for case in CASES if case.stages[0].name != "errors"], ids=str)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_python_reads_the_same(case: Case) -> None:
    given = captured(case.source)

    assert comparable(parse(given), field_spans=False) == comparable(Translator(given).function(), field_spans=False)
