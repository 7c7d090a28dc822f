"""Structured arrays as plain columns, for libraries of data frames."""

from __future__ import annotations

from typing import Any


def columns(array: Any) -> dict[str, Any]:
    """The fields of a structured array (of `read_numpy`, `to_numpy`) as arrays of one dimension, by name: what
    pandas, polars and pyarrow all take for a table.

    Fields of structs within have names with dots (`value.packets`); text is `str`, what isn't UTF-8 in it as `\\xc3`;
    numbers are in this machine's byte order; of an array within, values per CPU and addresses among them, each row
    has an array of its own. Numbers in this machine's order aren't copied.
    """
    if array.dtype.names is None:
        raise TypeError(f"columns are fields of a structured array; this one is of {array.dtype}")
    found: dict[str, Any] = {}
    _gather(array, "", found)
    return found


def _gather(array: Any, prefix: str, found: dict[str, Any]) -> None:
    for name in array.dtype.names:
        column = array[name]
        if column.dtype.names is not None and column.ndim == 1:
            _gather(column, f"{prefix}{name}.", found)
        else:
            found[prefix + name] = _plain(column)


def _plain(column: Any) -> Any:
    import numpy

    if column.dtype.kind == "S":
        width = column.dtype.itemsize
        # Each byte is a character as long as nothing else is in it, which is quicker than to decode.
        ascii = not (numpy.ascontiguousarray(column).view("u1") & 0x80).any() if width else True
        column = column.astype(f"U{width}") if ascii else numpy.char.decode(column, "utf-8", "backslashreplace")
    if not column.dtype.isnative:
        column = column.astype(column.dtype.newbyteorder("="))
    if column.ndim > 1:
        rows: Any = numpy.empty(len(column), object)
        rows[:] = list(column)
        return rows
    return column
