"""More events than anybody reads, on all CPUs: each is read, or counted as dropped. A minute of it is a benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel


def test_what_is_produced_is_read_or_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    sys.modules.pop("common", None)
    import overload

    found = overload.measure(1.5)
    assert found.kept, found.figures
