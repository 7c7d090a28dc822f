"""Functions of programs that others take the place of: found by name, in the types that the kernel has of a program."""

from __future__ import annotations

import difflib
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol, runtime_checkable

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.loader import sys
from pyebpf.loader.errors import LoadError
from pyebpf.object.specs import ProgramSpec

BTF_ID: Final = 128
"""Where `struct bpf_prog_info` has the number of the program's types."""


@runtime_checkable
class Loaded(Protocol):
    """A program in the kernel."""

    @property
    def fd(self) -> int: ...


@contextmanager
def target(program: ProgramSpec, where: object, known: Mapping[str, Loaded]) -> Iterator[tuple[int, int]]:
    """A descriptor of the program that `where` names, for as long as the block, and the id of the function in its
    types. Raises LoadError.

    `where`: a program, the name of one in the same object, a kernel's id, or the path of a pinned one.
    """
    what = f"program {program.name} (it replaces {program.argument})"
    if where is None:
        raise LoadError(
            f'{what} needs to know of which program when it is loaded: where={{"{program.name}": …}}', "target"
        )
    if not program.argument:
        raise LoadError(f"program {program.name}: section {program.section} names no function to replace", "object")
    opened: sys.Descriptor | None = None
    if isinstance(where, str) and where in known:
        where = known[where]
    try:
        if isinstance(where, Loaded):
            descriptor = where.fd
        else:
            opened = _opened(where)
            descriptor = opened.fd
        yield descriptor, _function(descriptor, program.argument, what)
    except OSError as error:
        raise LoadError(f"{what}: there is no program {where}: {error.strerror}", "target") from None
    finally:
        if opened is not None:
            opened.close()


def _opened(where: Any) -> sys.Descriptor:
    if isinstance(where, int) and not isinstance(where, bool):
        return sys.prog_get_fd_by_id(where)
    text = os.fspath(where) if isinstance(where, str | os.PathLike) else str(where)
    if isinstance(text, str) and text.isdigit():
        return sys.prog_get_fd_by_id(int(text))
    return sys.obj_get(os.fsdecode(text))


def _function(descriptor: int, name: str, what: str) -> int:
    info = sys.obj_get_info_by_fd(descriptor)
    number = struct.unpack_from("=I", info.ljust(256, b"\0"), BTF_ID)[0]
    if not number:
        raise LoadError(f"{what}: that program was loaded without types", "target")
    btf = _types(number)
    found = btf.find(name, Kind.FUNC)
    if found is None:
        names = [each for each, _ in btf.names(Kind.FUNC)]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(names) or 'none'}"
        raise LoadError(f"{what}: that program has no function {name}{hint}", "target")
    return found


def _types(number: int) -> Btf:
    """What the kernel has of an object's types."""
    import ctypes

    with sys.btf_get_fd_by_id(number) as descriptor:
        (size,) = struct.unpack_from("=I", sys.obj_get_info_by_fd(descriptor.fd, 32), 8)
        room = ctypes.create_string_buffer(size)
        sys.obj_get_info_by_fd(descriptor.fd, 32, struct.pack("=QI", ctypes.addressof(room), size).ljust(32, b"\0"))
        return Btf.from_bytes(room.raw)
