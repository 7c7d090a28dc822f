"""A session whose object libbpf has loaded and attached, not pyebpf (libbpf.so.1, which bpftool needs, too)."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pyebpf import Session
from pyebpf.loader import sys as bpf
from pyebpf.loader.config import initial_contents
from pyebpf.loader.load import LoadedMap, LoadedObject, LoadedProgram
from pyebpf.object.read import read_object
from pyebpf.object.specs import MapSpec

FLAGS: Final = struct.Struct("=16x2I")
"""Of `struct bpf_map_info`: entries and flags."""


class Refused(Exception):
    """libbpf doesn't open, load or attach something."""


@contextmanager
def session_by_libbpf(elf: bytes, config: Mapping[str, object] | None = None) -> Iterator[Session]:
    """Load and attach everything in `elf`. Raises Refused."""
    with loaded_by_libbpf(elf, config, attach=True) as loaded, Session(loaded) as session:
        yield session


@contextmanager
def loaded_by_libbpf(
    elf: bytes, config: Mapping[str, object] | None = None, *, attach: bool = False
) -> Iterator[LoadedObject]:
    """Everything in `elf`, as libbpf loads it, which may be closed earlier. Raises Refused."""
    library = _library()
    obj = library.bpf_object__open_mem(elf, len(elf), None)
    if not obj:
        raise Refused(f"open: {os.strerror(ctypes.get_errno())}")
    links: list[int] = []
    try:
        spec = read_object(elf)
        contents = initial_contents(spec, dict(config or {}))
        for each in _all(library.bpf_object__next_map, obj):
            found = _spec(spec.maps, library.bpf_map__name(each).decode())
            initial = contents.get(found.name) if found is not None and found.frozen else None
            if initial is not None:
                library.bpf_map__set_initial_value(each, initial, len(initial))
        if library.bpf_object__load(obj):
            raise Refused(f"load: {os.strerror(ctypes.get_errno())}")
        for each in _all(library.bpf_object__next_program, obj) if attach else ():
            link = library.bpf_program__attach(each)
            if not link:
                name = library.bpf_program__name(each).decode()
                raise Refused(f"attach {name}: {os.strerror(ctypes.get_errno())}")
            links.append(link)
        with _adopted(library, obj, LoadedObject(spec)) as loaded:
            yield loaded
    finally:
        for link in links:
            library.bpf_link__destroy(link)
        library.bpf_object__close(obj)


def _library() -> Any:
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for name in ("bpf_object__open_mem", "bpf_object__next_map", "bpf_object__next_program", "bpf_program__attach"):
        getattr(library, name).restype = ctypes.c_void_p
    for name in ("bpf_map__name", "bpf_program__name"):
        getattr(library, name).restype = ctypes.c_char_p
    pointer = ctypes.c_void_p
    library.bpf_object__open_mem.argtypes = [ctypes.c_char_p, ctypes.c_size_t, pointer]
    library.bpf_map__set_initial_value.argtypes = [pointer, ctypes.c_char_p, ctypes.c_size_t]
    for name in ("bpf_object__next_map", "bpf_object__next_program"):
        getattr(library, name).argtypes = [pointer, pointer]
    for name in ("bpf_map__name", "bpf_map__fd", "bpf_program__name", "bpf_program__fd", "bpf_program__attach"):
        getattr(library, name).argtypes = [pointer]
    for name in ("bpf_object__load", "bpf_object__close", "bpf_link__destroy"):
        getattr(library, name).argtypes = [pointer]
    return library


def _all(following: Callable[[int, int | None], int | None], obj: int) -> Iterator[int]:
    each = following(obj, None)
    while each:
        yield each
        each = following(obj, each)


def _adopted(library: Any, obj: int, loaded: LoadedObject) -> LoadedObject:
    """What libbpf has loaded, by descriptors of our own."""
    for each in _all(library.bpf_object__next_map, obj):
        spec = _spec(loaded.spec.maps, library.bpf_map__name(each).decode())
        if spec is not None:
            descriptor = bpf.Descriptor(os.dup(library.bpf_map__fd(each)))
            entries, flags = FLAGS.unpack_from(bpf.obj_get_info_by_fd(descriptor.fd))
            loaded.maps[spec.name] = LoadedMap(descriptor, dataclasses.replace(spec, max_entries=entries, flags=flags))
    programs = {program.name: program for program in loaded.spec.programs}
    for each in _all(library.bpf_object__next_program, obj):
        descriptor = bpf.Descriptor(os.dup(library.bpf_program__fd(each)))
        number = struct.unpack_from("=I", bpf.obj_get_info_by_fd(descriptor.fd), 4)[0]
        spec_of = programs[library.bpf_program__name(each).decode()]
        loaded.programs[spec_of.name] = LoadedProgram(descriptor, spec_of, number, loaded)
    return loaded


def _spec(maps: tuple[MapSpec, ...], name: str) -> MapSpec | None:
    """The map of the object that libbpf calls `name`: sections of variables have the object's name before theirs."""
    exact = next((spec for spec in maps if spec.name == name), None)
    return exact or next((spec for spec in maps if spec.initial is not None and name.endswith(spec.name)), None)
