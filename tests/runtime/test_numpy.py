"""Maps and rings as structured arrays: the same values as through Python objects."""

from __future__ import annotations

from types import ModuleType

import numpy
import pytest

import pyebpf
from pyebpf.loader.cpus import possible_cpus

pytestmark = pytest.mark.kernel


def test_an_empty_map_is_an_empty_array(shapes: ModuleType) -> None:
    for name in ("numbers", "keyed", "by_cpu"):
        array = getattr(shapes, name).to_numpy()
        assert len(array) == 0 and array.dtype.names == ("key", "value")


def test_hashes(shapes: ModuleType) -> None:
    shapes.numbers.update({1: 2**64 - 1, 2**32 - 1: 5})
    array = shapes.numbers.to_numpy()
    assert {int(row["key"]): int(row["value"]) for row in array} == shapes.numbers.to_dict()
    assert array.dtype["key"] == numpy.uint32 and array["value"].sum() == (2**64 - 1 + 5) % 2**64
    array["value"] = 0  # a copy
    assert shapes.numbers[1] == 2**64 - 1


def test_structs(shapes: ModuleType) -> None:
    shapes.keyed[7, "seven"] = shapes.Value(
        flag=True, color=-3, name="näme", numbers=[1, 2, 3], inners=[{"b": -5}, {"a": 6}], v4="10.0.0.1", port=443,
        mac="01:02:03:04:05:06", v6="::5",
    )  # fmt: skip
    [row] = shapes.keyed.to_numpy()
    key, value = row["key"], row["value"]
    assert (key["number"], key["name"].decode(), bool(value["flag"]), value["color"]) == (7, "seven", True, -3)
    assert value["name"].decode() == "näme" and list(value["numbers"]) == [1, 2, 3]
    assert list(value["inners"]["b"]) == [-5, 0] and list(value["inners"]["a"]) == [0, 6]
    assert (value["v4"], value["port"]) == (0x0A000001, 443)
    assert bytes(value["mac"]) == bytes([1, 2, 3, 4, 5, 6]) and bytes(value["v6"])[-1] == 5


def test_arrays_and_values_per_cpu(shapes: ModuleType, session: pyebpf.Session) -> None:
    count = possible_cpus()
    for index in range(5):
        shapes.cells[index] = -index
    array = shapes.cells.to_numpy()
    assert array.tolist() == list(shapes.cells) and array.dtype == numpy.int32
    shapes.cells_by_cpu[1] = list(range(count))
    assert shapes.cells_by_cpu.to_numpy().tolist() == [[0] * count, list(range(count)), [0] * count]
    shapes.arrays_by_cpu[0] = [(cpu, 7) for cpu in range(count)]
    assert shapes.arrays_by_cpu.to_numpy().tolist() == [[[cpu, 7] for cpu in range(count)]]
    shapes.by_cpu[9] = 4
    assert shapes.by_cpu.to_numpy()["value"].tolist() == [[4] * count]
    session.programs["observe"].test_run(ctx=(5).to_bytes(8, "little") * 2)
    assert shapes.sizes.to_numpy().nonzero()[0].tolist() == [2]
