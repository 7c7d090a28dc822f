"""Brings an object into the kernel: maps, BTF, programs. Nothing is attached, and nothing is pinned but maps that ask
for it, so that all else goes when the process ends, however it ends."""

from __future__ import annotations

import ctypes
import mmap
import struct
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, final

from pyebpf.kernel.arguments import find_target, nearest_target
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.least import capabilities_of
from pyebpf.kernel.maps import ARENA_SECTION, MapFlag, MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.loader import kprobes, maps, pinned_maps, pins, replaced, struct_ops, sys
from pyebpf.loader.arenas import Arena
from pyebpf.loader.config import initial_contents
from pyebpf.loader.core import relocate
from pyebpf.loader.errors import LoadError, LoadWarning, counts_locked_memory, explain
from pyebpf.loader.externs import KCONFIG, options
from pyebpf.loader.instead import as_allowed
from pyebpf.loader.ksyms import Found, symbols
from pyebpf.loader.link import Linked, Linker
from pyebpf.loader.maps import LoadedMap
from pyebpf.loader.missing import missing, needs_privileges
from pyebpf.loader.modules import ModuleDescriptors
from pyebpf.loader.struct_ops import Place
from pyebpf.loader.token import Token, fd_of
from pyebpf.loader.verifier import VerifierError
from pyebpf.loader.verifier.fetch import Refused, Tell, verified
from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import FunctionSpec, MapSpec, Object, ProgramSpec
from pyebpf.records import dataclass

__all__ = ["LoadedMap", "LoadedObject", "LoadedProgram", "first_contents", "load_object", "raise_memlock"]
_NO_TYPES: Final = "the kernel refuses the object's BTF: maps and programs are loaded without types and lines"


@final
@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A verified program in the kernel, not attached. `id` is the kernel's."""

    descriptor: sys.Descriptor
    spec: ProgramSpec
    id: int
    owner: LoadedObject
    """What it was loaded with."""

    @property
    def fd(self) -> int:
        return self.descriptor.fd

    @property
    def name(self) -> str:
        return self.spec.name


@final
class LoadedObject:
    """An object in the kernel, until `close`, the end of `with`, or of the process."""

    def __init__(self, spec: Object, token: Token | None = None) -> None:
        self.spec = spec
        self.token = token
        """What allows to load it where the process's own capabilities don't."""
        self.maps: dict[str, LoadedMap] = {}
        self.programs: dict[str, LoadedProgram] = {}
        self._views: dict[str, mmap.mmap] = {}
        self.usdt: dict[bytes, int] = {}
        """The records for markers that are in the map of them, and their numbers."""
        self._arenas: list[Arena] = []
        self._pinned: list[Path] = []
        self._prepared: dict[str, struct_ops.Prepared] = {}
        self.operations: dict[str, bytes] = {}
        """Values of maps of operations, which register them."""
        self.reused: set[str] = set()
        """Maps that were pinned already."""

    def add_map(self, spec: MapSpec, btf: sys.Descriptor | None, initial: bytes | None, pin_root: Path) -> None:
        """Create a map, or take one over that is pinned. Raises LoadError."""
        if not spec.pinning:
            self.maps[spec.name] = maps.create(spec, btf, initial, token=self.token)
            return
        create = partial(maps.create, spec, btf, initial, token=self.token)
        made, fresh = pinned_maps.shared(spec, pin_root, create)
        self.maps[spec.name] = made
        if fresh:
            self._pinned.append(pinned_maps.path_of(spec, pin_root))
        else:
            self.reused.add(spec.name)

    def add_operations(
        self, target: Btf | None, btf: sys.Descriptor | None, optional: frozenset[str]
    ) -> dict[str, Place]:
        """Create the maps of structs of operations; which operation each program is. Raises LoadError."""
        if target is None:
            return {}
        self._prepared = struct_ops.prepare(self.spec, target, optional)
        for name, prepared in self._prepared.items():
            self.maps[name] = struct_ops.create(prepared, btf, self.token)
        return {name: place for prepared in self._prepared.values() for name, place in prepared.places.items()}

    def fill_operations(self) -> None:
        """The programs are there: put them into the structs, which nothing is registered by yet. Raises LoadError."""
        fds = {name: program.fd for name, program in self.programs.items()}
        self.operations = {name: prepared.filled(fds) for name, prepared in self._prepared.items()}

    def map_arenas(self) -> None:
        """Programs with an arena are only taken when it has its place in user space (6.9). Raises LoadError."""
        self._arenas += [Arena(made) for made in self.maps.values() if made.spec.type == MapType.ARENA]

    @property
    def variables(self) -> dict[str, LoadedMap]:
        """The data sections: `.data`, `.bss`, `.rodata`."""
        return {name: loaded for name, loaded in self.maps.items() if loaded.spec.initial is not None}

    def view(self, section: str) -> mmap.mmap | None:
        """The memory of a writable data section, shared with the programs; None where it can't be mapped."""
        if section == ARENA_SECTION:
            return next((arena.memory for arena in self._arenas if arena.memory is not None), None)
        if section not in self._views:
            loaded = self.maps[section]
            if not loaded.spec.flags & MapFlag.MMAPABLE or loaded.spec.frozen:
                return None
            self._views[section] = mmap.mmap(loaded.fd, loaded.spec.value_size, mmap.MAP_SHARED)
        return self._views[section]

    def close(self) -> None:
        """Close everything; nothing happens the second time."""
        for arena in self._arenas:
            arena.close()
        self._views.clear()  # not closed: numpy's arrays may look at them, and hold them for as long as they are there
        self._arenas.clear()
        for program in self.programs.values():
            program.descriptor.close()
        for loaded in self.maps.values():
            loaded.descriptor.close()
        if self.token is not None:
            self.token.close()

    def undo(self) -> None:
        """Close everything, and remove the names of maps that were pinned: loading came to nothing."""
        for path in self._pinned:
            with suppress(LoadError):
                pins.remove(path)
        self.close()

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
    where: Mapping[str, object] = MappingProxyType({}),
    pin_root: Path = pinned_maps.ROOT,
    token: Token | None = None,
    tell: Tell | None = None,
) -> LoadedObject:
    """Load all maps and programs of `obj`. `btf` stands for the running kernel's in CO-RE, its modules' included; what
    programs attach to and call is looked for in the kernel itself all the same, since its numbers count there.
    `present` are maps that are there already, and are taken for those of the same names. They are the object's then,
    and so is the `token`. `where`: programs that are loaded though their sections begin with `?`, and for those that
    replace functions of programs, of which. `pin_root` is where maps are that ask to be pinned. `tell` is told what the
    verifier says of each program. Raises LoadError, ConfigError, VerifierError; whatever was created by then is closed
    again.
    """
    loaded = LoadedObject(obj, token)
    loaded.maps.update(present)
    own_btf: sys.Descriptor | None = None
    modules = ModuleDescriptors()
    try:
        _check_order(obj)
        given = dict(config or {})
        option_map, values, places = options(obj, {name: given[name] for name in _options(obj) if name in given})
        contents = first_contents(obj, given) | {KCONFIG: values}
        _raise_memlock()
        own_btf, refused = _load_btf(obj, fd_of(loaded.token))
        for spec in (*obj.maps, *filter(None, (option_map,))):
            if spec.name in present or spec.operations is not None:
                continue
            loaded.add_map(spec, own_btf, contents.get(spec.name), pin_root)
        loaded.map_arenas()
        relocated = _relocated(obj, btf)
        target = _target(obj)
        externs: dict[str, Found] = {**places, **symbols(obj, target, modules)}
        operations = loaded.add_operations(target, own_btf, frozenset(where))
        linker = Linker(obj, {name: found.fd for name, found in loaded.maps.items()}, relocated, externs)
        for program in sorted(obj.programs, key=lambda each: each.program_type == ProgramType.EXT):
            if program.name not in where and (not program.autoload or struct_ops.left_out(obj, program, operations)):
                continue
            given_to = own_btf, target, modules, operations.get(program.name), tell, where.get(program.name)
            loaded.programs[program.name] = _load_program(loaded, program, linker.link(program), *given_to)
        _fill_slots(loaded)
        loaded.fill_operations()
        for doubt in ((f"{_NO_TYPES} ({refused})",) if refused else ()) + obj.doubts:  # what is refused has told by now
            warnings.warn(doubt, LoadWarning, stacklevel=4)  # at the caller of pyebpf.load
    except BtfError as error:
        loaded.undo()
        raise LoadError(str(error), "kernel") from None
    except BaseException:
        loaded.undo()
        raise
    finally:
        modules.close()
        if own_btf is not None:
            own_btf.close()
    return loaded


def _check_order(obj: Object) -> None:
    from sys import byteorder

    if obj.big_endian != (byteorder == "big"):
        kind = "big" if obj.big_endian else "little"
        raise LoadError(f"the object is for {kind}-endian machines, and this is none", "object")


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
        if made.spec.name in loaded.reused and made.spec.inner is not None:
            continue
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
    operations = any(spec.operations is not None for spec in obj.maps)
    return Btf.running() if externs or tracing or operations else None


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


def _load_btf(obj: Object, token: int) -> tuple[sys.Descriptor | None, str]:
    """The object's types in the kernel. Where it takes none, or not these, None and why: then it goes without."""
    if not obj.btf:
        return None, ""
    try:
        return sys.btf_load(obj.btf, token), ""
    except OSError as error:
        first = error
    from pyebpf.loader.btf_plain import plain

    with suppress(OSError, ObjectError):
        return sys.btf_load(plain(obj.btf, partial(_taken, token=token)), token), ""
    return None, first.strerror or str(first)


def _taken(btf: bytes, token: int) -> bool:
    """Whether the kernel takes these types."""
    try:
        sys.btf_load(btf, token).close()
    except OSError:
        return False
    return True


def _attach_btf_id(program: ProgramSpec, target: Btf | None) -> tuple[int, str]:
    """The id of what a program is on that names its target when it is loaded, 0 for others; and the module that it is
    in, "" if it is in none."""
    hook = hook_by_name(program.hook)
    place = hook.target if hook is not None else None
    if program.program_type not in (ProgramType.TRACING, ProgramType.LSM) or target is None or place is None:
        return 0, ""
    found = find_target(target, place, program.argument)
    if found is None:
        near = nearest_target(target, place, program.argument)
        hint = f"; did you mean {near}?" if near else ""
        what = f"this kernel has no {place.what} {program.argument} in its BTF{hint}"
        raise LoadError(f"program {program.name}: {what}", "target")
    return found[2], found[0]


def _load_program(
    loaded: LoadedObject,
    program: ProgramSpec,
    linked: Linked,
    btf: sys.Descriptor | None,
    target: Btf | None,
    modules: ModuleDescriptors,
    operation: Place | None = None,
    tell: Tell | None = None,
    place: object = None,
    replaces: tuple[int, int] | None = None,
) -> LoadedProgram:
    obj = loaded.spec
    program, needed = as_allowed(program), capabilities_of(program.program_type) if not program.hook else ()
    if not program.program_type:
        raise LoadError(f"program {program.name}: section {program.section} names no known program type", "object")
    if program.program_type == ProgramType.EXT and not replaces:
        with replaced.target(program, place, loaded.programs) as found:
            return _load_program(loaded, program, linked, btf, target, modules, tell=tell, replaces=found)
    if program.program_type == ProgramType.STRUCT_OPS and operation is None:
        raise LoadError(f"program {program.name} is no operation of any struct that the object has", "object")
    attach_id, module = (operation.type_id, "") if operation is not None else _attach_btf_id(program, target)
    attach_fd = modules.fd(module)
    if replaces is not None:
        attach_fd, attach_id = replaces
    expected = operation.index if operation is not None else kprobes.attach_type(program.expected_attach_type or 0)

    def attempt(log: ctypes.Array[ctypes.c_char] | None = None, level: int = 0) -> sys.Descriptor:
        return sys.prog_load(
            *(program.program_type, linked.code, obj.license),
            name=program.name,
            flags=program.flags,
            expected_attach_type=expected,
            btf_fd=btf.fd if btf is not None else 0,
            func_info=linked.func_info if btf is not None else b"",
            line_info=linked.line_info if btf is not None and linked.func_info else b"",
            attach_btf_id=attach_id,
            attach_btf_fd=attach_fd,
            descriptors=modules.array,
            log=log,
            log_level=level,
            token=fd_of(loaded.token),
        )

    try:
        descriptor = verified(program.name, attempt, tell)
    except Refused as refused:
        if refused.log.strip():
            privilege = needs_privileges(refused.log)
            why = privilege or missing(obj, linked, refused.log)
            error = VerifierError(program.name, refused.log, linked.lines, why, refused.cut)
            error.reason = "privileges" if privilege else error.reason
            raise error from None
        raise explain(refused.error, f"load program {program.name}", program.hook, needed, loaded.token) from None
    number: int = struct.unpack_from("=I", sys.obj_get_info_by_fd(descriptor.fd), 4)[0]
    return LoadedProgram(descriptor, program, number, loaded)
