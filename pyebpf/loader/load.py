"""Brings an object into the kernel: maps, BTF, programs. Nothing is attached and nothing is pinned, so that all
of it goes when the process ends, however it ends."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from types import MappingProxyType, TracebackType
from typing import Final, final

from pyebpf.kernel.arguments import nearest_target
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.maps import MAP_KINDS, MapFlag, MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.versions import Version, running_version
from pyebpf.loader import sys
from pyebpf.loader.config import initial_contents
from pyebpf.loader.core import relocate
from pyebpf.loader.errors import LoadError, LoadWarning, counts_locked_memory, explain
from pyebpf.loader.externs import KCONFIG, options, symbols
from pyebpf.loader.link import Linked, link
from pyebpf.loader.missing import missing
from pyebpf.loader.verifier import VerifierError
from pyebpf.object.specs import FunctionSpec, MapSpec, Object, ProgramSpec
from pyebpf.records import dataclass

_FIRST_LOG: Final = 1 << 20
_LARGEST_LOG: Final = (1 << 30) - 1
"""The verifier takes no larger buffer. It is tried only after smaller ones were too small."""
_NO_BTF: Final = (
    *(MapType.PERF_EVENT_ARRAY, MapType.CGROUP_ARRAY, MapType.STACK_TRACE, MapType.ARRAY_OF_MAPS, MapType.RINGBUF),
    *(MapType.HASH_OF_MAPS, MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP, MapType.SOCKMAP),
    *(MapType.SOCKHASH, MapType.USER_RINGBUF, MapType.PROG_ARRAY, MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER),
)
"""Map types that take no BTF of key and value."""
PER_CPU: Final = frozenset(kind.type for kind in MAP_KINDS if kind.per_cpu)
MAP_EXTRA: Final[Version] = (5, 16)
UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_NO_TYPES: Final = "the kernel refuses the object's BTF: maps and programs are loaded without types and lines"


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


@final
@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A verified program in the kernel, not attached. `id` is the kernel's."""

    descriptor: sys.Descriptor
    spec: ProgramSpec
    id: int

    @property
    def fd(self) -> int:
        return self.descriptor.fd

    @property
    def name(self) -> str:
        return self.spec.name


@final
class LoadedObject:
    """An object in the kernel, until `close`, the end of `with`, or of the process."""

    def __init__(self, spec: Object) -> None:
        self.spec = spec
        self.maps: dict[str, LoadedMap] = {}
        self.programs: dict[str, LoadedProgram] = {}
        self._views: dict[str, mmap.mmap] = {}
        self._arenas: list[mmap.mmap] = []

    def map_arenas(self) -> None:
        """Programs with an arena are only taken when it has its place in user space (6.9). Raises LoadError."""
        for name, made in self.maps.items():
            if made.spec.type == MapType.ARENA:
                try:
                    self._arenas.append(mmap.mmap(made.fd, made.spec.max_entries * mmap.PAGESIZE, mmap.MAP_SHARED))
                except (OSError, ValueError, OverflowError) as error:
                    raise LoadError(f"cannot map arena {name}: {error}", "kernel") from None

    @property
    def variables(self) -> dict[str, LoadedMap]:
        """The data sections: `.data`, `.bss`, `.rodata`."""
        return {name: loaded for name, loaded in self.maps.items() if loaded.spec.initial is not None}

    def view(self, section: str) -> mmap.mmap | None:
        """The memory of a writable data section, shared with the programs; None where it can't be mapped."""
        if section not in self._views:
            loaded = self.maps[section]
            if not loaded.spec.flags & MapFlag.MMAPABLE or loaded.spec.frozen:
                return None
            self._views[section] = mmap.mmap(loaded.fd, loaded.spec.value_size, mmap.MAP_SHARED)
        return self._views[section]

    def close(self) -> None:
        """Close everything; nothing happens the second time."""
        for view in (*self._views.values(), *self._arenas):
            view.close()
        self._views.clear()
        self._arenas.clear()
        for program in self.programs.values():
            program.descriptor.close()
        for loaded in self.maps.values():
            loaded.descriptor.close()

    def __enter__(self) -> LoadedObject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load_object(
    obj: Object,
    *,
    config: Mapping[str, object] | None = None,
    btf: Btf | None = None,
    present: Mapping[str, LoadedMap] = MappingProxyType({}),
    optional: Collection[str] = (),
) -> LoadedObject:
    """Load all maps and programs of `obj`. `btf` stands for the running kernel's in CO-RE, its modules' included; what
    programs attach to and call is looked for in the kernel itself all the same, since its numbers count there.
    `present` are maps that are there already, and are taken for those of the same names; they are the object's then.
    `optional`: programs that are loaded though their sections begin with `?`.

    Raises LoadError, ConfigError, VerifierError; whatever was created by then is closed again.
    """
    from sys import byteorder

    if obj.big_endian != (byteorder == "big"):
        kind = "big" if obj.big_endian else "little"
        raise LoadError(f"the object is for {kind}-endian machines, and this is none", "object")
    given = dict(config or {})
    option_map, values, externs = options(obj, {name: given[name] for name in _options(obj) if name in given})
    contents = first_contents(obj, given) | {KCONFIG: values}
    _raise_memlock()
    loaded = LoadedObject(obj)
    loaded.maps.update(present)
    own_btf: sys.Descriptor | None = None
    try:
        own_btf, refused = _load_btf(obj)
        for spec in (*obj.maps, *filter(None, (option_map,))):
            if spec.name in present:
                continue
            loaded.maps[spec.name] = _create_map(spec, own_btf, contents.get(spec.name))
        loaded.map_arenas()
        relocated = _relocated(obj, btf)
        target = _target(obj)
        externs = externs | symbols(obj, target)
        fds = {name: found.fd for name, found in loaded.maps.items()}
        for program in obj.programs:
            if not program.autoload and program.name not in optional:
                continue
            linked = link(obj, program, fds, relocated, target, externs)
            loaded.programs[program.name] = _load_program(obj, program, linked, own_btf, target)
        _fill_slots(loaded)
        if refused:  # told only now: what keeps out the rest as well has an error of its own
            warnings.warn(f"{_NO_TYPES} ({refused})", LoadWarning, stacklevel=4)  # at the caller of pyebpf.load
        for doubt in obj.doubts:
            warnings.warn(doubt, LoadWarning, stacklevel=4)
    except BtfError as error:
        loaded.close()
        raise LoadError(str(error), "kernel") from None
    except BaseException:
        loaded.close()
        raise
    finally:
        if own_btf is not None:
            own_btf.close()
    return loaded


def first_contents(obj: Object, config: Mapping[str, object]) -> dict[str, bytes]:
    """What is in the data sections of `obj` at first. Raises ConfigError."""
    options = _options(obj)
    return initial_contents(obj, {name: value for name, value in config.items() if name not in options})


def _options(obj: Object) -> tuple[str, ...]:
    """Names of the kernel's options that the object asks for."""
    return tuple(extern.name for extern in obj.externs if extern.section == KCONFIG)


def _fill_slots(loaded: LoadedObject) -> None:
    """Put programs into arrays of programs, and maps into maps of maps, as the object says."""
    everything: dict[str, LoadedMap | LoadedProgram] = {**loaded.maps, **loaded.programs}
    for made in loaded.maps.values():
        for slot, name in made.spec.values:
            held = everything.get(name)
            if held is None:
                there = any(name == program.name for program in loaded.spec.programs)
                why = "isn't loaded, as its section begins with `?`" if there else "the object doesn't have"
                raise LoadError(f"map {made.spec.name} holds {name}, which {why}", "object")
            try:
                sys.map_update(made.fd, struct.pack("=I", slot), struct.pack("=i", held.fd))
            except OSError as error:
                raise explain(error, f"put {name} into map {made.spec.name}") from None


def _relocated(obj: Object, btf: Btf | None) -> dict[str, bytes]:
    """The code of the functions that CO-RE changes; raises BtfError if the kernel has no types and none are given."""
    if not any(function.core for function in _functions(obj)):
        return {}
    if btf is not None:
        return relocate(obj, btf)
    return relocate(obj, Btf.running(), Btf.modules)


def _functions(obj: Object) -> tuple[FunctionSpec, ...]:
    return (*obj.functions, *(program.function for program in obj.programs))


def _target(obj: Object) -> Btf | None:
    """The running kernel's BTF, if programs attach to what it names, or call it."""
    externs = any(extern.kind in ("function", "variable") for extern in obj.externs)
    tracing = any(program.program_type in (ProgramType.TRACING, ProgramType.LSM) for program in obj.programs)
    return Btf.running() if externs or tracing else None


def _raise_memlock() -> None:
    """Where maps count as locked memory: no limit, or where that isn't allowed, the highest that is."""
    if counts_locked_memory():
        raise_memlock()


def raise_memlock() -> None:
    """Lift RLIMIT_MEMLOCK as far as this process may."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    for limit in (resource.RLIM_INFINITY, hard):
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
            return


def _load_btf(obj: Object) -> tuple[sys.Descriptor | None, str]:
    """The object's types in the kernel. Where it takes none, or not these, None and why: then it goes without."""
    if not obj.btf:
        return None, ""
    try:
        return sys.btf_load(obj.btf), ""
    except OSError as error:
        return None, error.strerror or str(error)


def _create_map(
    spec: MapSpec, btf: sys.Descriptor | None, initial: bytes | None, template: sys.Descriptor | None = None
) -> LoadedMap:
    import dataclasses

    if spec.type == MapType.STRUCT_OPS:
        raise LoadError(f"map {spec.name}: maps of type {MapType(spec.type).name} can't be loaded", "object")
    if spec.type in (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS) and template is None:
        if spec.inner is None:
            raise LoadError(f"map {spec.name}: nothing says what the maps in it are like", "object")
        with _create_map(spec.inner, btf, None).descriptor as like:
            return _create_map(spec, btf, None, like)
    if spec.pinning:
        raise LoadError(f"map {spec.name} asks to be pinned, which this loader doesn't do", "object")
    entries = entries_of(spec)
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
                )
            except OSError as error:
                failure = failure or error
                continue
            made = LoadedMap(descriptor, dataclasses.replace(spec, max_entries=entries, flags=flags))
            _fill(made, initial)
            return made
    assert failure is not None
    raise _not_created(failure, spec, entries)


def entries_of(spec: MapSpec) -> int:
    """How many entries a map is created with."""
    if spec.type in (MapType.RINGBUF, MapType.USER_RINGBUF):  # the kernel: a power of two, whole pages
        return max(mmap.PAGESIZE, 1 << max(spec.max_entries - 1, 0).bit_length())
    if spec.type == MapType.PERF_EVENT_ARRAY and not spec.max_entries:
        return os.cpu_count() or 1
    return spec.max_entries


def _not_created(error: OSError, spec: MapSpec, entries: int) -> LoadError:
    what = f"create map {spec.name}"
    unknown = spec.extra and (running_version() or (0, 0)) < MAP_EXTRA  # attributes that it doesn't know are E2BIG, too
    if error.errno == errno.E2BIG and not unknown:
        return LoadError(f"cannot {what}: it is too large for the kernel: {_extent(spec, entries)}", "object")
    if error.errno == errno.ENOMEM and not counts_locked_memory():
        return LoadError(f"{explain(error, what)}: it takes {_extent(spec, entries)}", "kernel")
    return explain(error, what)


def _extent(spec: MapSpec, entries: int) -> str:
    """How large a map is, in words."""
    each = spec.value_size + (0 if spec.type in (MapType.ARRAY, MapType.PERCPU_ARRAY) else spec.key_size)
    size = entries * max(each, 1)
    unit = max(min((size.bit_length() - 1) // 10, len(UNITS) - 1), 0)
    total = f"{size / 1024**unit:.4g} {UNITS[unit]}"
    per_cpu = " for each CPU" if spec.type in PER_CPU else ""
    return f"{entries:,} entries of {each:,} bytes, {total}{per_cpu}" if each else total


def create_map(spec: MapSpec) -> LoadedMap:
    """Create a map that belongs to no object, for a map of maps. Raises LoadError."""
    return _create_map(spec, None, None)


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


def _attach_btf_id(program: ProgramSpec, target: Btf | None) -> int:
    """The id of what a program is on that names its target when it is loaded; 0 for others."""
    hook = hook_by_name(program.hook)
    place = hook.target if hook is not None else None
    if program.program_type not in (ProgramType.TRACING, ProgramType.LSM) or target is None or place is None:
        return 0
    found = target.find(place.prefix + program.argument, place.kind)
    if found is None:
        near = nearest_target(target, place, program.argument)
        hint = f"; did you mean {near}?" if near else ""
        what = f"this kernel has no {place.what} {program.argument} in its BTF{hint}"
        raise LoadError(f"program {program.name}: {what}", "target")
    return found


def _load_program(
    obj: Object, program: ProgramSpec, linked: Linked, btf: sys.Descriptor | None, target: Btf | None
) -> LoadedProgram:
    if not program.program_type:
        raise LoadError(f"program {program.name}: section {program.section} names no known program type", "object")
    attach_id = _attach_btf_id(program, target)

    def attempt(
        log: ctypes.Array[ctypes.c_char] | None, with_btf: bool = True, attach_type: int | None = None
    ) -> sys.Descriptor:
        known = btf is not None and with_btf
        return sys.prog_load(
            *(program.program_type, linked.code, obj.license),
            name=program.name,
            flags=program.flags,
            expected_attach_type=(program.expected_attach_type or 0) if attach_type is None else attach_type,
            btf_fd=btf.fd if btf is not None and known else 0,
            func_info=linked.func_info if known else b"",
            line_info=linked.line_info if known and linked.func_info else b"",
            attach_btf_id=attach_id,
            log=log,
            log_level=1 if log is not None else 0,
        )

    try:
        descriptor = attempt(None)
    except OSError as first:
        log, error = _log(attempt)
        if error is None:  # it loaded with a log: a passing lack of memory, perhaps
            raise explain(first, f"load program {program.name}", program.hook) from None
        if log.strip():
            raise VerifierError(program.name, log, linked.lines, missing(obj, linked, log)) from None
        raise explain(error, f"load program {program.name}", program.hook) from None
    number: int = struct.unpack_from("=I", sys.obj_get_info_by_fd(descriptor.fd), 4)[0]
    return LoadedProgram(descriptor, program, number)


def _log(attempt: object) -> tuple[str, OSError | None]:
    """Load once more, with a log that is large enough for all of it."""
    assert callable(attempt)
    size = _FIRST_LOG
    while True:
        log = ctypes.create_string_buffer(size)
        try:
            attempt(log).close()
        except OSError as error:
            if error.errno == errno.ENOSPC and size < _LARGEST_LOG:
                size = min(size * 16, _LARGEST_LOG)
                continue
            return log.value.decode("utf-8", "replace"), error
        return "", None
