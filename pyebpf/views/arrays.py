"""Layouts as numpy types, entries as structured arrays. numpy is imported here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyebpf import layout
from pyebpf.encode import number_format
from pyebpf.views.columns import Columns

if TYPE_CHECKING:
    from pyebpf.views.entries import Entries


def dtype(type: layout.Type | None, size: int = 0) -> Any:
    """The numpy dtype of a layout, without bit fields; of `size` bytes where the layout isn't known."""
    import numpy

    match type:
        case None:
            return numpy.dtype(f"V{size}")
        case layout.Integer():
            return numpy.dtype(number_format(type))
        case layout.Enumeration():
            return dtype(type.base)
        case layout.Boolean():
            return numpy.dtype(bool)
        case layout.Text():
            return numpy.dtype(f"S{type.length}")
        case layout.Address():
            return numpy.dtype((numpy.uint8, (type.size,)))
        case layout.Array():
            return numpy.dtype((dtype(type.element), (type.length,)))
        case layout.Struct():
            fields = [field for field in type.fields if not field.bits]
            return numpy.dtype(
                {
                    "names": [field.name for field in fields],
                    "formats": [dtype(field.type) for field in fields],
                    "offsets": [field.offset for field in fields],
                    "itemsize": type.size,
                }
            )


def cut_text(array: Any, type: layout.Type) -> None:
    """Clear what is behind the end of each text in `array`: numpy takes away NULs at the end only."""
    import numpy

    match type:
        case layout.Text() if array.size:
            chars = numpy.ascontiguousarray(array).view(numpy.uint8).reshape(*array.shape, type.length)
            ended = numpy.logical_or.accumulate(chars == 0, axis=-1)
            array[...] = numpy.where(ended, 0, chars).astype(numpy.uint8).view(array.dtype).reshape(array.shape)
        case layout.Array():
            cut_text(array, type.element)
        case layout.Struct():
            for field in type.fields:
                if not field.bits:
                    cut_text(array[field.name], field.type)
        case _:
            pass


def entries_array(entries: Entries, found: Columns) -> Any:
    """Entries as one structured array, without a Python object for each."""
    import numpy

    keys = numpy.frombuffer(found.keys, _key_row(entries), found.count)["v"]
    values = values_array(entries, found)
    fields = [("key", keys.dtype, keys.shape[1:]), ("value", values.dtype, values.shape[1:])]
    result = numpy.empty(found.count, fields)
    result["key"], result["value"] = keys, values
    return result


def values_array(entries: Entries, found: Columns) -> Any:
    """The values as an array; of per-CPU maps a row for each entry."""
    import numpy

    rows = numpy.frombuffer(found.values, _value_row(entries), found.count * entries.cpus)["v"]
    return rows.reshape(found.count, entries.cpus, *rows.shape[1:]) if entries.per_cpu else rows


def live_array(entries: Entries) -> Any:
    """The values where they are: reading and writing the array reads and writes the map."""
    import numpy

    size = entries.shape.value_size
    row = _row(dtype(entries.value_type, size), entries.slot)
    return numpy.frombuffer(entries.memory(), row, entries.max_entries)["v"]


def live_value(memory: memoryview, type: layout.Type, offset: int) -> Any:
    """A value where it is: an array without dimensions, of arrays the array itself."""
    import numpy

    return numpy.ndarray((), dtype(type), memory, offset)


def columns_of(entries: Entries, array: Any) -> Columns:
    """The entries in an array like that of `entries_array`. Raises TypeError for others."""
    import numpy

    if array.dtype.names != ("key", "value") or array.ndim != 1:
        raise TypeError(f"{entries.name} takes arrays of one dimension with the fields key and value")
    keys = numpy.zeros(len(array), _key_row(entries))
    values = numpy.zeros((len(array), entries.cpus) if entries.per_cpu else len(array), _value_row(entries))
    for rows, name in ((keys, "key"), (values, "value")):
        given = array[name]
        if given.shape != rows["v"].shape or not numpy.can_cast(given.dtype, rows["v"].dtype, "safe"):
            raise TypeError(f"{name} of {entries.name} is {_shown(rows['v'])}, not {_shown(given)}")
        rows["v"] = given
    return Columns(keys.tobytes(), values.tobytes(), len(array))


def _shown(array: Any) -> str:
    return f"{array.dtype}{list(array.shape[1:]) or ''}"


def _key_row(entries: Entries) -> Any:
    return _row(dtype(entries.key_type, entries.shape.key_size), entries.shape.key_size)


def _value_row(entries: Entries) -> Any:
    return _row(dtype(entries.value_type, entries.shape.value_size), entries.stride)


def _row(type: Any, size: int) -> Any:
    """`type` as the one field of a row of `size` bytes."""
    import numpy

    return numpy.dtype({"names": ["v"], "formats": [type], "offsets": [0], "itemsize": size})
