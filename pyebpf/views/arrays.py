"""Layouts as numpy types, entries as structured arrays. numpy is imported here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyebpf import layout
from pyebpf.encode import number_format

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


def entries_array(entries: Entries, found: list[tuple[bytes, bytes]]) -> Any:
    """Entries as one structured array, without a Python object for each."""
    import numpy

    spec = entries.shape
    key: Any = dtype(entries.key_type, spec.key_size)
    value: Any = dtype(entries.value_type, spec.value_size)
    if entries.per_cpu:
        padded = numpy.dtype({"names": ["v"], "formats": [value], "offsets": [0], "itemsize": entries.stride})
        row = numpy.dtype([("key", key), ("value", padded, (entries.cpus,))])
        data = numpy.frombuffer(b"".join(name + item for name, item in found), row)
        result = numpy.empty(len(found), [("key", key), ("value", value, (entries.cpus,))])
        result["key"], result["value"] = data["key"], data["value"]["v"]
        return result
    row = numpy.dtype([("key", key), ("value", value)])
    return numpy.frombuffer(b"".join(name + item for name, item in found), row).copy()
