"""Maps that ask to be pinned by their names (LIBBPF_PIN_BY_NAME): objects that are loaded one after the other, or at
the same time, have them in common. What is pinned stays when its session ends: `rm` removes it.

A map is taken over only if it is what the object's definition says, as libbpf has it; what is in it stays.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pyebpf.loader import pins, sys
from pyebpf.loader.errors import LoadError
from pyebpf.loader.maps import LoadedMap, entries_of
from pyebpf.object.specs import MapSpec

ROOT: Final = Path("/sys/fs/bpf")
_BY_NAME, _GLOBAL = 1, 2
GLOBALS: Final = "tc/globals"
"""The folder where iproute2 has maps with PIN_GLOBAL_NS."""
_INFO: Final = struct.Struct("=6I")
_EXTRA_AT: Final = 80
_WHAT: Final = ("type", "key size", "value size", "number of entries", "flags", "map_extra")


def path_of(spec: MapSpec, root: Path) -> Path:
    """Where a map is pinned: names in a bpf file system have no dots."""
    folder = root / GLOBALS if spec.pinning == _GLOBAL else root
    return folder / spec.name.replace(".", "_")


def shared(spec: MapSpec, root: Path, create: Callable[[], LoadedMap]) -> tuple[LoadedMap, bool]:
    """The map that is pinned, and False; or one that is created and pinned now, and True. Raises LoadError."""
    if spec.pinning not in (_BY_NAME, _GLOBAL):
        raise LoadError(f"map {spec.name}: pinning {spec.pinning} is not known; 1 is by name", "object")
    path = path_of(spec, root)
    if os.path.lexists(path):
        return _taken_over(spec, path), False
    if spec.pinning == _GLOBAL:
        _make_folders(path.parent, root)
    made = create()
    try:
        pins.pin(made.descriptor, path, f"map {spec.name}")
    except LoadError as error:
        made.descriptor.close()
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.EEXIST:  # somebody was faster
            return _taken_over(spec, path), False
        raise
    return made, True


def _make_folders(folder: Path, root: Path) -> None:
    """As iproute2 makes them. Raises LoadError."""
    try:
        for each in (*reversed(folder.relative_to(root).parents[:-1]), folder.relative_to(root)):
            (root / each).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LoadError(f"cannot make the folder {folder}: {error.strerror}", "target") from None


def _taken_over(spec: MapSpec, path: Path) -> LoadedMap:
    import dataclasses

    descriptor = pins.opened(path, "map", f"map {spec.name}")
    info = sys.obj_get_info_by_fd(descriptor.fd)
    kind, _, *sizes, flags = _INFO.unpack_from(info)
    extra = struct.unpack_from("=Q", info, _EXTRA_AT)[0] if len(info) >= _EXTRA_AT + 8 else 0
    entries = entries_of(spec)
    wanted = (spec.type, spec.key_size, spec.value_size, entries, spec.flags, spec.extra)
    for what, here, there in zip(_WHAT, wanted, (kind, *sizes, flags, extra), strict=True):
        if here != there:
            descriptor.close()
            text = f"its {what} is {there}, and the object's {here}"
            raise LoadError(f"map {spec.name} can't be the one that is pinned as {path}: {text}", "target")
    return LoadedMap(descriptor, dataclasses.replace(spec, max_entries=entries))
