"""What is left to whoever loads an object: which programs, and how large maps are that say no size."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import Object


def as_wanted(obj: Object, without: Collection[str], entries: Mapping[str, int]) -> Object:
    """`obj` without some of its programs, and with other numbers of entries in maps. Raises ObjectError for what it
    doesn't have, ValueError for what is no number of entries."""
    if not without and not entries:
        return obj
    import dataclasses

    for names, have, what in (
        (without, [program.name for program in obj.programs], "program"),
        (entries, [spec.name for spec in obj.maps if spec.initial is None], "map"),
    ):
        for name in names:
            if name not in have:
                raise ObjectError(f"there is no {what} {name}; there are {', '.join(have) or 'none'}")
    for name, number in entries.items():
        if not isinstance(number, int) or not 0 < number < 1 << 32:
            raise ValueError(f"entries of {name}: a number above 0 is expected, not {number!r}")
    return dataclasses.replace(
        obj,
        programs=tuple(program for program in obj.programs if program.name not in without),
        maps=tuple(
            dataclasses.replace(
                spec,
                max_entries=entries.get(spec.name, spec.max_entries),
                values=tuple(held for held in spec.values if held[1] not in without),
            )
            for spec in obj.maps
        ),
    )
