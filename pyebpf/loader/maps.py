"""Creates maps: what the kernel wants of each type, first contents, what to say where it takes one not."""

from __future__ import annotations

import errno
import mmap
from typing import Final, final

from pyebpf.kernel.capabilities import MAPS
from pyebpf.kernel.maps import MAP_KINDS, MapFlag, MapType
from pyebpf.kernel.versions import Version, running_version
from pyebpf.loader import sys
from pyebpf.loader.cpus import possible_cpus
from pyebpf.loader.errors import LoadError, counts_locked_memory, explain
from pyebpf.loader.token import Token, fd_of
from pyebpf.object.specs import MapSpec
from pyebpf.records import dataclass

_NO_BTF: Final = (
    *(MapType.PERF_EVENT_ARRAY, MapType.CGROUP_ARRAY, MapType.STACK_TRACE, MapType.ARRAY_OF_MAPS, MapType.RINGBUF),
    *(MapType.HASH_OF_MAPS, MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP, MapType.SOCKMAP),
    *(MapType.SOCKHASH, MapType.USER_RINGBUF, MapType.PROG_ARRAY, MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER),
)
"""Map types that take no BTF of key and value."""
_NO_ENTRIES: Final = (
    *(MapType.SK_STORAGE, MapType.TASK_STORAGE, MapType.INODE_STORAGE, MapType.CGRP_STORAGE, MapType.STRUCT_OPS),
)
"""Map types that have no number of entries."""
_STACK: Final = 127 * 8
"""Bytes of a stack of the depth that kernels have by default (kernel.perf_event_max_stack)."""
PER_CPU: Final = frozenset(kind.type for kind in MAP_KINDS if kind.per_cpu)
MAP_EXTRA: Final[Version] = (5, 16)
UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


@final
@dataclass(frozen=True, slots=True)
class LoadedMap:
    """A map in the kernel."""

    descriptor: sys.Descriptor
    spec: MapSpec
    """With `max_entries` and `flags` as created."""

    @property
    def fd(self) -> int:
        return self.descriptor.fd


def create(
    spec: MapSpec,
    btf: sys.Descriptor | None,
    initial: bytes | None,
    template: sys.Descriptor | None = None,
    token: Token | None = None,
) -> LoadedMap:
    import dataclasses

    if spec.type == MapType.STRUCT_OPS:  # those that something is in are created elsewhere
        raise LoadError(f"map {spec.name}: maps of type {MapType(spec.type).name} can't be loaded", "object")
    if spec.type in (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS) and template is None:
        if spec.inner is None:
            raise LoadError(f"map {spec.name}: nothing says what the maps in it are like", "object")
        with create(spec.inner, btf, None, token=token).descriptor as like:
            return create(spec, btf, None, like, token)
    entries, spec = entries_of(spec), with_sizes(spec)
    mappable = spec.initial is not None
    attempts = [spec.flags | (MapFlag.MMAPABLE if mappable else 0), *([spec.flags] if mappable else [])]
    with_btf = btf is not None and spec.type not in _NO_BTF and (spec.key_type_id or spec.value_type_id)
    failure: OSError | None = None
    for flags in attempts:
        for use_btf in (True, False) if with_btf else (False,):
            try:
                descriptor = sys.map_create(
                    *(spec.type, spec.key_size, spec.value_size, entries, flags, spec.name),
                    btf_fd=btf.fd if btf is not None and use_btf else 0,
                    key_type_id=spec.key_type_id if use_btf else 0,
                    value_type_id=spec.value_type_id if use_btf else 0,
                    extra=spec.extra,
                    inner_fd=template.fd if template is not None else 0,
                    numa_node=spec.numa_node,
                    token=fd_of(token),
                )
            except OSError as error:
                failure = failure or error
                continue
            made = LoadedMap(descriptor, dataclasses.replace(spec, max_entries=entries, flags=flags))
            _fill(made, initial)
            return made
    assert failure is not None
    raise _not_created(failure, spec, entries, token)


def entries_of(spec: MapSpec) -> int:
    """How many entries a map is created with."""
    if spec.type in (MapType.RINGBUF, MapType.USER_RINGBUF):  # the kernel: a power of two, whole pages
        return max(mmap.PAGESIZE, 1 << max(spec.max_entries - 1, 0).bit_length())
    if spec.type in (MapType.PERF_EVENT_ARRAY, MapType.CPUMAP) and not spec.max_entries:
        return possible_cpus()
    return spec.max_entries


def with_sizes(spec: MapSpec) -> MapSpec:
    """With the sizes of key and value that there can be only one of, where the object leaves them out."""
    import dataclasses

    if spec.type == MapType.PERF_EVENT_ARRAY:
        # A type of values says what events are like; what the map has is descriptors.
        value_size = spec.value_size if spec.value_size and not spec.value_type_id else 4
        return dataclasses.replace(spec, key_size=spec.key_size or 4, value_size=value_size)
    if spec.type == MapType.STACK_TRACE and not spec.value_size:
        return dataclasses.replace(spec, value_size=_STACK)
    return spec


def _not_created(error: OSError, spec: MapSpec, entries: int, token: Token | None) -> LoadError:
    what = f"create map {spec.name}"
    if error.errno == errno.EINVAL and not entries and spec.type not in _NO_ENTRIES:
        text = f"the object leaves its number of entries to whoever loads it: entries={{{spec.name!r}: 1024}}"
        return LoadError(f"cannot {what}: {text}, or --entries {spec.name}=1024", "object")
    if error.errno == errno.EINVAL and spec.flags & MapFlag.NUMA_NODE:
        return LoadError(f"cannot {what}: the kernel refuses memory node {spec.numa_node}: is there one?", "kernel")
    unknown = spec.extra and (running_version() or (0, 0)) < MAP_EXTRA  # attributes that it doesn't know are E2BIG, too
    if error.errno == errno.E2BIG and not unknown:
        return LoadError(f"cannot {what}: it is too large for the kernel: {_extent(spec, entries)}", "object")
    if error.errno == errno.ENOMEM and not counts_locked_memory():
        return LoadError(f"{explain(error, what)}: it takes {_extent(spec, entries)}", "kernel")
    return explain(error, what, needed=MAPS.get(spec.type, ()), token=token)


def _extent(spec: MapSpec, entries: int) -> str:
    """How large a map is, in words."""
    each = spec.value_size + (0 if spec.type in (MapType.ARRAY, MapType.PERCPU_ARRAY) else spec.key_size)
    size = entries * max(each, 1)
    unit = max(min((size.bit_length() - 1) // 10, len(UNITS) - 1), 0)
    total = f"{size / 1024**unit:.4g} {UNITS[unit]}"
    per_cpu = " for each CPU" if spec.type in PER_CPU else ""
    return f"{entries:,} entries of {each:,} bytes, {total}{per_cpu}" if each else total


def create_map(spec: MapSpec, token: Token | None = None) -> LoadedMap:
    """Create a map that belongs to no object, for a map of maps. Raises LoadError."""
    return create(spec, None, None, token=token)


def _fill(made: LoadedMap, initial: bytes | None) -> None:
    spec = made.spec
    if initial is None:
        return
    try:
        if any(initial):
            sys.map_update(made.fd, bytes(4), initial)
        if spec.frozen:
            sys.map_freeze(made.fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # no BPF_MAP_FREEZE before 5.2: the section stays writable
            made.descriptor.close()
            raise explain(error, f"fill map {spec.name}") from None
