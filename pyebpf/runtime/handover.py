"""Handing a session over from one process to the next: what is pinned in a folder is taken up again, with the same
maps, and other programs in the place of the present ones.

No event is lost: where the kernel can, a link gets its new program in one step; elsewhere the new one is attached
before the old one goes, and for a moment both see what happens.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, final

from pyebpf.kernel.links import LINK_KINDS, LinkType
from pyebpf.kernel.maps import MapFlag
from pyebpf.loader import folders, pins, sys
from pyebpf.loader.attach.iterator import read_iterator
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.errors import LoadError
from pyebpf.loader.load import LoadedMap, LoadedObject, LoadedProgram
from pyebpf.loader.maps import entries_of
from pyebpf.metadata import Cell, Metadata
from pyebpf.object.specs import MapSpec, Object
from pyebpf.runtime.variables import read_cell, write_cell

_MAP_INFO: Final = struct.Struct("=6I")


@final
class Kept:
    """What a folder holds: open, and attached."""

    def __init__(self, folder: Path) -> None:
        kept = folders.read_kept(folder)
        self.folder = folder
        self.object = kept.object
        self.links: dict[str, Link] = {}
        """By the names of their files."""
        self.maps: dict[str, LoadedMap] = {}
        self.odd: set[str] = set()
        """Maps that aren't as the object says."""
        try:
            files = folders.listed(folder, "maps")
            for spec in kept.object.maps:
                found = _open_map(spec, files[spec.name]) if spec.name in files else None
                if found is not None:
                    self.maps[spec.name] = found
                else:
                    self.odd.add(spec.name)
            for name, path in folders.listed(folder, "links").items():
                self.links[name] = _open_link(name, path, kept.places.get(name, ""))
        except BaseException:
            self.close()
            raise

    def programs(self, loaded: LoadedObject) -> dict[str, LoadedProgram]:
        """The programs of `loaded`, which is the object, as they are in the kernel. Raises LoadError."""
        found: dict[str, LoadedProgram] = {}
        files = folders.listed(self.folder, "programs")
        try:
            for spec in self.object.programs:
                if spec.name not in files:
                    raise LoadError(f"cannot take over {self.folder}: program {spec.name} isn't there", "target")
                descriptor = pins.opened(files[spec.name], "program", f"program {spec.name}")
                number: int = struct.unpack_from("=4xI", sys.obj_get_info_by_fd(descriptor.fd))[0]
                found[spec.name] = LoadedProgram(descriptor, spec, number, loaded)
        except BaseException:
            for program in found.values():
                program.descriptor.close()
            raise
        return found

    def close(self) -> None:
        for link in self.links.values():
            link.close()
        for loaded in self.maps.values():
            loaded.descriptor.close()


def _open_map(spec: MapSpec, path: Path) -> LoadedMap | None:
    """A map, if it is as its spec says."""
    descriptor = pins.opened(path, "map", f"map {spec.name}")
    kind, _, key_size, value_size, entries, flags = _MAP_INFO.unpack_from(sys.obj_get_info_by_fd(descriptor.fd))
    expected = (spec.type, spec.key_size, spec.value_size, entries_of(spec))
    mappable = MapFlag.MMAPABLE if spec.initial is not None else 0
    if (kind, key_size, value_size, entries) != expected or (flags | mappable) != (spec.flags | mappable):
        descriptor.close()
        return None
    return LoadedMap(descriptor, dataclasses.replace(spec, max_entries=entries, flags=flags))


def _open_link(name: str, path: Path, where: str) -> Link:
    descriptor = pins.opened(path, "link", f"link {name}")
    program = name.partition("-")[0]
    link = Link(program, where or f"link {name}", (Detaching(descriptor),))
    if link.info.type == LinkType.ITER:
        link = Link(program, where, (Detaching(descriptor),), partial(read_iterator, descriptor))
    link.pinned = path
    return link


def same_object(kept: Kept) -> LoadedObject:
    """The object in a folder, as it is in the kernel. Raises LoadError."""
    loaded = LoadedObject(kept.object)
    if kept.odd:
        raise LoadError(f"cannot take over {kept.folder}: {_odd(min(kept.odd))}", "target")
    loaded.maps.update(kept.maps)
    loaded.programs.update(kept.programs(loaded))
    return loaded


def present_maps(
    kept: Kept, obj: Object, contents: Mapping[str, bytes], fresh: Collection[str]
) -> dict[str, LoadedMap]:
    """The maps of `kept` that are those of `obj` as well. `contents` are the first contents of its data sections; maps
    of the names in `fresh` are made anew. Raises LoadError for one that has changed otherwise."""
    unknown = set(fresh) - {spec.name for spec in obj.maps}
    if unknown:
        raise LoadError(f"there is no map {min(unknown)}; there are {', '.join(s.name for s in obj.maps)}", "object")
    found: dict[str, LoadedMap] = {}
    old = {spec.name: spec for spec in kept.object.maps}
    for spec in obj.maps:
        loaded, before = kept.maps.get(spec.name), old.get(spec.name)
        if before is None or spec.name in fresh:
            continue
        if loaded is None:
            raise LoadError(f"cannot take over {kept.folder}: {_odd(spec.name)}; {_fresh(spec)}", "target")
        if spec.initial is not None:
            if _same_section(spec, kept, obj, loaded, contents):
                found[spec.name] = loaded
            continue
        changed = _changes(before, spec, kept.object.metadata, obj.metadata)
        if changed:
            raise LoadError(f"cannot take over map {spec.name}: its {changed} has changed; {_fresh(spec)}", "object")
        found[spec.name] = loaded
    return found


def _odd(name: str) -> str:
    return f"map {name} isn't there, or isn't as the object there says"


def _fresh(spec: MapSpec) -> str:
    return f"fresh=[{spec.name!r}] begins with an empty one"


def _changes(old: MapSpec, new: MapSpec, old_metadata: Metadata, new_metadata: Metadata) -> str:
    """What is different in a map's declaration, or ""."""
    seen = [dict(metadata.maps).get(new.name) for metadata in (old_metadata, new_metadata)]
    kinds = [(info.kind, info.unit, info.steps) if info else None for info in seen]
    compared = {
        "type": (old.type == new.type and kinds[0] == kinds[1]),
        "key": (old.key_size, old.key) == (new.key_size, new.key),
        "value": (old.value_size, old.value) == (new.value_size, new.value),
        "number of entries": entries_of(old) == entries_of(new),
        "way of working": (old.flags, old.extra) == (new.flags, new.extra),
        "inner map": _bare(old.inner) == _bare(new.inner),
    }
    return next((what for what, same in compared.items() if not same), "")


def _bare(spec: MapSpec | None) -> MapSpec | None:
    """Without the numbers of types, which mean nothing beyond one object."""
    return None if spec is None else dataclasses.replace(spec, key_type_id=0, value_type_id=0)


def _same_section(spec: MapSpec, kept: Kept, obj: Object, loaded: LoadedMap, contents: Mapping[str, bytes]) -> bool:
    """Whether a data section can stay: each variable and counter has its old place, and what never changes is the
    same."""
    if (spec.value_size, spec.frozen) != (loaded.spec.value_size, loaded.spec.frozen):
        return False
    if spec.frozen:
        return sys.map_lookup(loaded.fd, bytes(4), spec.value_size) == contents.get(spec.name)
    return _places(spec.name, kept.object.metadata) == _places(spec.name, obj.metadata)


def _places(section: str, metadata: Metadata) -> object:
    """All that the compiler has put into a section, with its place."""
    cells: list[tuple[object, Cell | None]] = [((v.name, v.type), v.cell) for v in metadata.variables]
    cells += [(name, info.dropped) for name, info in metadata.maps]
    cells += [(metadata.fault_sites, metadata.faults), ("prints", metadata.prints_dropped)]
    return [(what, cell) for what, cell in cells if cell is not None and cell.section == section]


def carry_over(kept: Kept, loaded: LoadedObject) -> None:
    """Copy what is in the old data sections into new ones: variables by name and type, counters by what they count."""
    old = LoadedObject(kept.object)
    old.maps.update(kept.maps)
    before, after = dict(_carried(kept.object.metadata)), dict(_carried(loaded.spec.metadata))
    for what in before.keys() & after.keys():
        (source, size), (target, _) = before[what], after[what]
        section = kept.maps.get(source.section)
        if section is not None and section is not loaded.maps.get(target.section):
            write_cell(loaded, target, read_cell(old, source, size))


def _carried(metadata: Metadata) -> Iterator[tuple[object, tuple[Cell, int]]]:
    for variable in metadata.variables:
        if variable.kind != "Config":
            yield (variable.name, variable.type), (variable.cell, variable.type.size)
    for name, info in metadata.maps:
        if info.dropped is not None:
            yield ("dropped", name), (info.dropped, 8)
    if metadata.prints_dropped is not None:
        yield "prints", (metadata.prints_dropped, 8)
    if metadata.faults is not None:
        for number, site in enumerate(metadata.fault_sites):
            yield site, (Cell(metadata.faults.section, metadata.faults.offset + 8 * number), 8)


@contextmanager
def switched(
    kept: Kept, loaded: LoadedObject, attach: Callable[[str], Link], wanted: Collection[str]
) -> Iterator[list[Link]]:
    """Have the programs of `loaded` run in the place of those in the folder: the links of all of them. `attach` makes
    a new one for a program; `wanted` are those that shall be attached. After an error all is as it was."""
    before = kept.programs(loaded)
    sections = {spec.name: spec.section for spec in kept.object.programs}
    links: list[Link] = []
    with ExitStack() as undo:
        for program in before.values():
            undo.callback(program.descriptor.close)
        with ExitStack() as failed:
            gone = []
            for link in kept.links.values():
                fresh = loaded.programs.get(link.program)
                if fresh is not None and fresh.spec.section == sections.get(link.program) and _replaces(link):
                    link.update(fresh)
                    failed.callback(link.update, before[link.program])
                    links.append(link)
                else:
                    gone.append(link)
            attached = {link.program for link in links}
            for name in wanted:
                if name not in attached:
                    links.append(attach(name))
                    failed.callback(links[-1].detach)
            yield links
            failed.pop_all()
        for link in gone:
            link.pinned = None  # its name is another's by now, or removed
            link.detach()


def _replaces(link: Link) -> bool:
    row = LINK_KINDS.get(link.info.type)
    return row is not None and row.replaces is not None


def keep(folder: Path, loaded: LoadedObject, links: list[Link]) -> None:
    """Pin everything in `folder`, which is made, or brought to this state. Raises LoadError; what can't be pinned is
    said before anything is."""
    for link in links:
        link.check_pinnable()
    if os.path.lexists(folder):
        folders.read_kept(folder)  # raises, if it isn't one of ours
        return _fill(folder, loaded, links)
    before = [link.pinned for link in links]
    try:
        with folders.made(folder) as staging:
            _fill(staging, loaded, links)
    except BaseException:
        for link, place in zip(links, before, strict=True):
            link.pinned = place
        raise
    for link in links:
        assert link.pinned is not None
        link.pinned = folder / "links" / link.pinned.name


def _fill(folder: Path, loaded: LoadedObject, links: list[Link]) -> None:
    """First what is new, then the object, then away with what isn't wanted any more: whatever is there when a process
    is killed can be taken over."""
    specs = {spec.name for spec in loaded.spec.maps}
    stale: list[Path] = []
    parts: dict[str, dict[str, tuple[sys.Descriptor, str]]] = {
        "maps": {n: (m.descriptor, f"map {n}") for n, m in loaded.maps.items() if n in specs},
        "programs": {name: (program.descriptor, f"program {name}") for name, program in loaded.programs.items()},
    }
    for part, wanted in parts.items():
        stale += [path for name, path in folders.listed(folder, part).items() if name not in wanted]
        for name, (descriptor, what) in wanted.items():
            pins.put(descriptor, folder / part / folders.file_name(name), what)
    places: dict[str, str] = {}
    for link in links:
        number = 1 + sum(name.partition("-")[0] == link.program for name in places)
        name = link.program if number == 1 else f"{link.program}-{number}"
        places[name] = link.where
        link.pin_again(folder / "links" / folders.file_name(name))
    folders.keep_object(folder, folders.Kept(loaded.spec, places))
    folders.tidy(folder)
    for path in (*stale, *(path for name, path in folders.listed(folder, "links").items() if name not in places)):
        pins.remove(path)
