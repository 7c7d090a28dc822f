"""Functions in files: where each lies, by its name, its address, or a pattern; and what to say of one that isn't there.

Names that were stripped off are looked for in the file's debug symbols, where those are installed: by its build id,
below /usr/lib/debug.
"""

from __future__ import annotations

import ctypes
import fnmatch
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from pyebpf.kernel.arguments import nearest
from pyebpf.loader.attach.uprobe_elf import FUNCTION, INDIRECT, LOCAL, Binary, BinaryError, FoundSymbol, SymbolTable
from pyebpf.loader.attach.uprobe_files import File
from pyebpf.loader.errors import LoadError

DEBUG: Final = "/usr/lib/debug/.build-id"
_TARGET: Final = re.compile(r"(?P<symbol>.+?)(?:\+(?P<offset>0[xX][0-9a-fA-F]+|\d+))?", re.DOTALL)
_ADDRESS: Final = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_MOST_SHOWN: Final = 4


def open_binary(file: File, what: str) -> Binary:
    """Raises LoadError."""
    try:
        return Binary(file.path)
    except BinaryError as error:
        raise LoadError(f"cannot {what}: {file.shown}: {error}", "target") from None
    except (OSError, ValueError) as error:
        raise LoadError(f"cannot {what}: {file.shown}: {getattr(error, 'strerror', error)}", "target") from None


def function_offset(file: File, target: str, what: str) -> int:
    """Where in the file the instruction lies that `target` names: `malloc`, `malloc+4`, or an address, as nm(1) shows
    it. Raises LoadError."""
    with open_binary(file, what) as binary:
        try:
            return _offset(binary, file, target, what)
        except BinaryError as error:
            raise LoadError(f"cannot {what}: {file.shown}: {error}", "target") from None


def matching_offsets(file: File, pattern: str, what: str) -> dict[int, str]:
    """Where the functions lie whose names `pattern` matches: each once, by the first of its names. Raises LoadError."""
    with open_binary(file, what) as binary:
        try:
            matches = re.compile(fnmatch.translate(pattern)).match
            names = _functions(binary, file)
            found: dict[int, str] = {}
            for name in sorted(filter(matches, names)):
                offset = binary.code_offset(names[name])
                if offset is not None:
                    found.setdefault(offset, name)
        except (BinaryError, re.error) as error:
            raise LoadError(f"cannot {what}: {file.shown}: {error}", "target") from None
        if not found:
            raise LoadError(f"cannot {what}: {file.shown} has no function {pattern}{_why(binary, file)}", "target")
        return dict(sorted(found.items()))


def _offset(binary: Binary, file: File, target: str, what: str) -> int:
    match = _TARGET.fullmatch(target)
    if match is None:
        raise LoadError(f"cannot {what}: that is no function", "target")
    name, more = match["symbol"], int(match["offset"] or "0", 0)
    if _ADDRESS.fullmatch(name):
        address = int(name, 16) + more
    else:
        found = _symbol(binary, file, name, what)
        if isinstance(found, int):  # an offset already
            return found + more
        address = found.value + more
    offset = binary.code_offset(address)
    if offset is None:
        raise LoadError(f"cannot {what}: {file.shown} has no instructions at {address:#x}", "target")
    return offset


def _symbol(binary: Binary, file: File, name: str, what: str) -> FoundSymbol | int:
    """The function `name`; of one that is chosen when a program starts, where in the file the chosen one lies."""
    found = _find(binary.tables, name)
    functions = [each for each in found if each.type in (FUNCTION, INDIRECT) and each.section]
    if not functions and not (found and binary.whole):
        functions = [each for each in _find(_debug_tables(binary, file), name) if each.type == FUNCTION]
    if not functions:
        raise _unknown(binary, file, name, what, found)
    chosen = _chosen(functions)
    if len({each.value for each in chosen}) > 1:
        addresses = sorted({each.value for each in chosen})
        shown = ", ".join(f"{address:#x}" for address in addresses[:_MOST_SHOWN])
        text = f"{file.shown} has {len(addresses)} functions {name}; name one by its address: {shown}"
        raise LoadError(f"cannot {what}: {text}", "target")
    if chosen[0].type != INDIRECT:
        return chosen[0]
    offset = _implementation(binary, name.partition("@")[0]) if chosen[0].default else None
    if offset is None:
        text = f"{name} is chosen among several functions when a program starts; name the one that is meant"
        raise LoadError(f"cannot {what}: {text}{_why(binary, file)}", "target")
    return offset


def _find(tables: tuple[SymbolTable, ...], name: str) -> list[FoundSymbol]:
    return [found for table in tables for found in table.find(name)]


def _chosen(functions: list[FoundSymbol]) -> list[FoundSymbol]:
    """What a name alone means: the default version; what other files see, before what only this one does."""
    chosen = [each for each in functions if each.default] or functions
    return [each for each in chosen if each.binding != LOCAL] or chosen


def _implementation(binary: Binary, name: str) -> int | None:
    """Where the function lies that this machine has chosen for `name`, if the same file is in use here: a library that
    this process has loaded as well."""
    device, inode = binary.identity
    key = f"{os.major(device):02x}:{os.minor(device):02x} {inode} "
    with suppress(OSError, AttributeError, ValueError), open("/proc/self/maps") as file:
        lines = [line for line in file if key in line and "/" in line]
        if not lines:
            return None
        loaded = ctypes.CDLL(lines[0].split(maxsplit=5)[5].rstrip("\n"), mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
        address = ctypes.cast(getattr(loaded, name), ctypes.c_void_p).value or 0
        for line in lines:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if start <= address < end:
                return address - start + int(line.split()[2], 16)
    return None


def _functions(binary: Binary, file: File) -> dict[str, int]:
    """Addresses of all functions by name, the debug symbols' too where the file's own were stripped off."""
    tables = binary.tables if binary.whole else (*binary.tables, *_debug_tables(binary, file))
    return {name: value for table in reversed(tables) for name, value in table.functions()}


def _debug_tables(binary: Binary, file: File) -> tuple[SymbolTable, ...]:
    """The symbols in the debug file of `binary`, if it is installed, and is really that."""
    number = binary.build_id
    if len(number) < 4:
        return ()
    for root in dict.fromkeys((file.root, "")):
        with suppress(OSError, BinaryError), Binary(f"{root}{DEBUG}/{number[:2]}/{number[2:]}.debug") as debug:
            if debug.build_id == number:
                return debug.tables
    return ()


def _unknown(binary: Binary, file: File, name: str, what: str, found: list[FoundSymbol]) -> LoadError:
    if any(not each.section for each in found):
        text = f"{file.shown} doesn't have {name} itself: it is a library's, and is probed there"
        return LoadError(f"cannot {what}: {text}", "target")
    if found:
        return LoadError(f"cannot {what}: {name} in {file.shown} is no function", "target")
    versions = _find(binary.tables, name.partition("@")[0]) if "@" in name else []
    if versions:
        return LoadError(f"cannot {what}: {file.shown} has no such version of {name.partition('@')[0]}", "target")
    near = nearest(name, _near(binary, file, name))
    hint = f"; did you mean {near}?" if near else _why(binary, file)
    return LoadError(f"cannot {what}: {file.shown} has no function {name}{hint}", "target")


def _near(binary: Binary, file: File, name: str) -> Iterator[str]:
    """Names that could have been meant: of all functions, also without what compilers put behind (`.constprop.0`), for
    that must be named as well."""
    with suppress(BinaryError):
        for each in _functions(binary, file):
            if each.partition(".")[0] == name and each:
                yield each
            yield each


def _why(binary: Binary, file: File) -> str:
    """Why a function may be missing that is in the source."""
    if not binary.whole and not _debug_tables(binary, file):
        known = f" (build id {binary.build_id})" if binary.build_id else ""
        return f"; it has only what it exports, and its debug symbols{known} are not installed"
    return "; functions that the compiler has inlined everywhere are not there"
