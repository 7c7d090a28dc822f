"""Markers in programs (USDT): a uprobe on each place of that name, and a record that says where the arguments are.

The record's number is the link's cookie (5.15); for older kernels it is in a map by the instruction's address, which
must be known when the program is attached.
"""

from __future__ import annotations

import os
import struct
from contextlib import ExitStack, suppress
from typing import final

from pyebpf.kernel.arguments import nearest
from pyebpf.kernel.hooks.uprobes import USDT_PLACE
from pyebpf.kernel.usdt import COOKIES, IPS, SPECS
from pyebpf.kernel.versions import running_version
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.attach.uprobe import Point, attach_points
from pyebpf.loader.attach.uprobe_elf import ET_EXEC, Binary, BinaryError
from pyebpf.loader.attach.uprobe_files import File, find_file
from pyebpf.loader.attach.uprobe_place import Place, place_of
from pyebpf.loader.attach.uprobe_symbols import open_binary
from pyebpf.loader.attach.usdt_notes import Marker, Spec, markers_of, spec_of
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedMap, LoadedProgram


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to every place of the marker that `where` names, or else the program's section."""
    place = place_of(program.spec.name, program.spec.argument, where, USDT_PLACE, colons=2)
    what = f"attach {program.spec.name} to usdt {place}"
    file = find_file(place.file, place.pid, what)
    with open_binary(file, what) as binary, ExitStack() as undo:
        try:
            markers = _markers(binary, file, place.target, what)
            points, addresses = _points(program, binary, file, place, markers, what)
        except BinaryError as error:
            raise LoadError(f"cannot {what}: {file.shown}: {error}", "target") from None
        except OSError as error:
            raise explain(error, what, "usdt") from error
        undo.callback(addresses.close)
        holders = attach_points(program, file, points, False, place.pid, what)
        undo.pop_all()
    places = f", {len(points)} places" if len(points) > 1 else ""
    process = f", process {place.pid}" if place.pid is not None else ""
    return Link(program.spec.name, f"usdt {file.shown}:{place.target}{places}{process}", (*holders, addresses))


@final
class _Addresses:
    """What was put into the map of addresses, for as long as the link is there."""

    def __init__(self, map: LoadedMap | None) -> None:
        self._map = map
        self._keys: list[bytes] = []

    def put(self, address: int, number: int) -> None:
        """Raises OSError."""
        assert self._map is not None
        key = struct.pack("=Q", address)
        sys.map_update(self._map.fd, key, struct.pack("=I", number))
        self._keys.append(key)

    def close(self) -> None:
        keys, self._keys = self._keys, []
        for key in keys:
            with suppress(OSError, ValueError):  # ValueError: the map is closed
                assert self._map is not None
                sys.map_delete(self._map.fd, key)


def _markers(binary: Binary, file: File, name: str, what: str) -> list[Marker]:
    """Those of a name, in order of their addresses."""
    known = markers_of(binary)
    found = {each.address: each for each in known if each.name == name}
    if not found:
        near = nearest(name, {each.name for each in known})
        hint = f"; did you mean {near}?" if near else f"; it has {_some(known)}" if known else ", nor any other"
        raise LoadError(f"cannot {what}: {file.shown} has no marker {name}{hint}", "target")
    return [found[address] for address in sorted(found)]


def _some(known: list[Marker]) -> str:
    names = sorted({each.name for each in known})
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")


def _points(
    program: LoadedProgram, binary: Binary, file: File, place: Place, markers: list[Marker], what: str
) -> tuple[list[Point], _Addresses]:
    """Where the markers lie in the file, with the numbers of their records."""
    specs, ips = (program.owner.maps.get(name) for name in (SPECS, IPS))
    addresses = _Addresses(ips)
    cookies = (running_version() or (0, 0)) >= COOKIES
    points = []
    try:
        for marker in markers:
            offset = binary.code_offset(marker.address)
            if offset is None:
                raise BinaryError(f"marker {marker.name} is at {marker.address:#x}, where no instructions are")
            semaphore = binary.offset_of(marker.semaphore) if marker.semaphore else 0
            if semaphore is None:
                raise BinaryError(f"the semaphore of {marker.name} lies outside of the file")
            number = None
            if specs is not None:
                number = _number(program, specs, _checked(program, marker, spec_of(marker, binary), what), what)
                if not cookies:
                    addresses.put(_ip(binary, file, place, marker, offset, what), number)
            points.append(Point(offset, number, semaphore))
    except BaseException:
        addresses.close()
        raise
    return points, addresses


def _checked(program: LoadedProgram, marker: Marker, spec: Spec, what: str) -> bytes:
    """The record, if the program can read all that it wants there. Of foreign programs nobody knows what they read."""
    info = dict(program.owner.spec.metadata.programs).get(program.spec.name)
    wanted = info.arguments if info is not None else ()
    for number in wanted:
        if number in spec.unknown:
            text = f"argument {number + 1} of {marker.name} can't be read: it is {spec.unknown[number]}"
            raise LoadError(f"cannot {what}: {text}", "target")
        if number >= spec.count:
            has = f"{spec.count} argument{'s' * (spec.count != 1)}"
            text = f"the program takes {number + 1}, and {marker.name} has {has}"
            raise LoadError(f"cannot {what}: {text}", "target")
    return spec.record


def _number(program: LoadedProgram, specs: LoadedMap, record: bytes, what: str) -> int:
    """The number of a record in the map, where it is put if it isn't there yet. Raises OSError, LoadError."""
    known = program.owner.usdt
    if not known:  # of a session that was taken over there are some
        for number in range(specs.spec.max_entries):
            found = sys.map_lookup(specs.fd, struct.pack("=I", number), specs.spec.value_size)
            if found is not None and any(found):
                known[found] = number
    if record not in known:
        number = max(known.values(), default=-1) + 1
        if number >= specs.spec.max_entries or specs.spec.value_size != len(record):
            raise LoadError(f"cannot {what}: the object's map {specs.spec.name} has no room for it", "object")
        sys.map_update(specs.fd, struct.pack("=I", number), record)
        known[record] = number
    return known[record]


def _ip(binary: Binary, file: File, place: Place, marker: Marker, offset: int, what: str) -> int:
    """The address of the instruction in the process that comes to it."""
    if binary.type == ET_EXEC:
        return marker.address
    if place.pid is None:
        text = "before Linux 5.15 the process must be known of a program that can lie anywhere: pid=123"
        raise LoadError(f"cannot {what}: {text}", "kernel")
    device, inode = binary.identity
    key = f"{os.major(device):02x}:{os.minor(device):02x} {inode} "
    with open(f"/proc/{place.pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            if key in line:
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                first = int(line.split()[2], 16)
                if first <= offset < first + end - start:
                    return start + offset - first
    raise LoadError(f"cannot {what}: process {place.pid} doesn't run {file.shown}", "target")
