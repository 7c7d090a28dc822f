"""Maps and events as tables of pandas, polars and pyarrow, as the page of the docs makes them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest

import pyebpf

PAGE = Path(__file__).parents[2] / "docs" / "dataframes.md"


def examples() -> list[str]:
    """The page's programs: each is one library's."""
    pieces = PAGE.read_text().split("```python\n")[1:]
    return [piece.partition("```")[0] for piece in pieces]


class TestColumns:
    def test_structs_within_have_names_with_dots(self) -> None:
        inner = [("packets", "u8"), ("last", [("seen", "u4")])]
        array = numpy.array([(1, (2, (3,)))], [("key", "u4"), ("value", inner)])
        found = pyebpf.columns(array)
        assert {name: column.tolist() for name, column in found.items()} == {
            "key": [1],
            "value.packets": [2],
            "value.last.seen": [3],
        }

    def test_text_is_str(self) -> None:
        array = numpy.array([(b"bash",), ("näme".encode(),), (b"cut\xc3",), (b"",)], [("comm", "S8")])
        assert pyebpf.columns(array)["comm"].tolist() == ["bash", "näme", "cut\\xc3", ""]
        assert pyebpf.columns(array[:1])["comm"].tolist() == ["bash"]
        assert pyebpf.columns(array[:0])["comm"].tolist() == []

    def test_numbers_are_in_the_machines_order_and_not_copied(self) -> None:
        array = numpy.array([(1, 2)], [("port", ">u2"), ("pid", "u4")])
        found = pyebpf.columns(array)
        assert found["port"].dtype.isnative and found["port"].tolist() == [1]
        assert numpy.shares_memory(found["pid"], array)

    def test_arrays_within_are_one_for_each_row(self) -> None:
        array = numpy.array([([1, 2],), ([3, 4],)], [("value", "u8", (2,))])
        found = pyebpf.columns(array)["value"]
        assert found.ndim == 1 and [each.tolist() for each in found] == [[1, 2], [3, 4]]

    def test_other_arrays_have_no_columns(self) -> None:
        with pytest.raises(TypeError, match="structured array"):
            pyebpf.columns(numpy.zeros(3))


@pytest.mark.kernel
@pytest.mark.parametrize("program", examples(), ids=lambda text: text.split()[1])
def test_the_pages_examples(program: str, shapes: ModuleType) -> None:
    """With this file's events and maps under the names that the page gives them."""
    events = numpy.zeros(6, [("time", "u8"), ("pid", "u4"), ("comm", "S16"), ("size", "u4")])
    events["comm"], events["size"] = [b"cat", b"cat", b"bash", b"cat", b"bash", b"sh"], [1, 2, 30, 4, 50, 600]
    shapes.numbers.update({1: 10, 2: 20, 3: 30})
    clock = pyebpf.Clock()

    class Ring:
        def read_numpy(self) -> Any:
            return events

    names: dict[str, Any] = {"ring": Ring(), "counts": shapes.numbers, "clock": clock, "pyebpf": pyebpf}
    exec(program, names)
    assert dict(names["sizes"]) == {"cat": 7, "bash": 80, "sh": 600}
    assert dict(names["totals"]) == {1: 10, 2: 20, 3: 30}
