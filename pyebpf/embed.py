"""`pyebpf.compile` and `pyebpf.load`: the compiler and the loader joined, for use inside other programs."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, TypeAlias, cast

from pyebpf.diagnostics.base import CompileWarning, Diagnostic
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.versions import Version
from pyebpf.lang.maps import Map
from pyebpf.lang.naming import declarations
from pyebpf.lang.probes import Probe
from pyebpf.lang.struct_ops import StructOps, probes_in
from pyebpf.lang.variables import Declared
from pyebpf.object.changes import as_wanted
from pyebpf.object.specs import Object
from pyebpf.runtime.session import Session

Target: TypeAlias = "Probe | StructOps | ModuleType | Object | str | PathLike[str] | Iterable[Probe | StructOps]"
BtfSource: TypeAlias = "Btf | bytes | str | PathLike[str] | None"


def compile(
    target: Target,
    *,
    btf: BtfSource = None,
    cpu: str | None = None,
    kernel: Version | str | None = None,
    big_endian: bool | None = None,
) -> Object:
    """Compile `target` to a BPF object.

    `target`: a probe, several, a module, or the path of a `.py` file (of an `.o` file, which is read). `btf`: kernel
    types to compile for, as BTF, its bytes, or a file; the running kernel's if None. `cpu`: BPF instruction set, `v1`
    to `v4`; if None, v3 (Linux 5.1), or the newest that `kernel` has. `kernel`: the oldest that the object shall run
    on, as `(5, 10)` or "5.10"; what it doesn't have is an error. `big_endian`: whether it is for big-endian machines
    (s390x); if None, as `btf` is, or this machine. Raises CompileError with diagnostics, ValueError for a `cpu` or a
    `kernel` that doesn't exist, and for a byte order that isn't that of `btf`. Needs no privileges.
    """
    return _compile(target, _btf(btf), cpu, kernel, big_endian=big_endian)


def load(
    target: Target,
    *,
    config: Mapping[str, object] | None = None,
    btf: BtfSource = None,
    attach: bool = True,
    where: Mapping[str, object] | None = None,
    pin: str | PathLike[str] | None = None,
    fresh: Collection[str] = (),
    pin_root: str | PathLike[str] = "/sys/fs/bpf",
    token: str | PathLike[str] | bool | None = None,
    verifier_log: str | PathLike[str] | None = None,
    without: Collection[str] = (),
    entries: Mapping[str, int] = MappingProxyType({}),
) -> Session:
    """Compile `target`, load it into the kernel, attach its programs; a context manager that undoes all of it.

    `config`: values of Configs by name. `btf`: types of the running kernel, where it has none itself. `attach=False`
    loads only; `where` says where programs attach that need a place (`{"firewall": "eth0"}`). While the session is
    open, the target's maps and variables are live: `for event in execs`.

    `pin`: a folder of a bpf file system that keeps all of it when the session ends (`Session.pin`). If it is there,
    what it keeps is taken over: the maps with all that is in them, but for those named in `fresh`, and the links,
    whose programs are replaced by the target's. `pin_root`: where maps are that ask to be pinned by their names, as
    objects of other compilers may; they stay there. `token`: the bpf file system that delegates it to this process's
    namespace of users (Linux 6.9); if None, what PYEBPF_TOKEN names or /sys/fs/bpf, should there be one; False for
    none. `verifier_log`: a file for what the verifier says of each program, refused or not. `without`: programs
    that aren't loaded. `entries`: how many entries maps have, instead of what the target says. Raises CompileError,
    LoadError, VerifierError, ObjectError, and OSError for the file.
    """
    from pyebpf.runtime.session import open_session

    types = _btf(btf)
    if not isinstance(target, Probe | ModuleType | Object | str | PathLike):
        from pyebpf.compiler import probes_of

        target = probes_of(target)  # gone over twice
    object = _compile(target, types, None, None, here=True)
    folder = None if pin is None else Path(fspath(pin)).absolute()
    session = open_session(
        as_wanted(object, without, entries),
        config=config,
        btf=types,
        attach=attach,
        where=where,
        pin=folder,
        fresh=fresh,
        pin_root=Path(fspath(pin_root)).absolute(),
        token=token,
        verifier_log=None if verifier_log is None else Path(fspath(verifier_log)),
    )
    _bind(target, session)
    return session


def adopt(folder: str | PathLike[str]) -> Session:
    """Take over what a session has pinned in `folder`: the same maps, programs and links, without compiling or loading
    anything. They stay when the session ends. Raises LoadError."""
    from pyebpf.runtime.session import adopt_session

    return adopt_session(Path(fspath(folder)).absolute())


def _compile(
    target: Target,
    btf: Btf | None,
    cpu: str | None,
    kernel: Version | str | None,
    *,
    here: bool = False,
    big_endian: bool | None = None,
) -> Object:
    if isinstance(target, Object):
        return target
    if isinstance(target, str | PathLike):
        target = Path(fspath(target))
        if target.suffix == ".o":
            from pyebpf.object.read import read_file

            return read_file(target)
    from pyebpf.compiler import compile_target

    return compile_target(target, btf=btf, cpu=cpu, kernel=kernel, warn=_warn, here=here, big_endian=big_endian)


def _warn(found: tuple[Diagnostic, ...]) -> None:
    """What is legal and suspect, as Python's own warnings, at the lines of the probe."""
    for diagnostic in found:
        warning = CompileWarning(diagnostic)
        warnings.warn_explicit(warning, CompileWarning, diagnostic.span.source.path, diagnostic.span.line)


def _btf(source: BtfSource) -> Btf | None:
    if source is None or isinstance(source, Btf):
        return source
    if isinstance(source, bytes):
        return Btf.from_bytes(source)
    if isinstance(source, str | PathLike):
        return Btf.from_file(source)
    raise TypeError(f"btf is types of a kernel as Btf, their bytes, or a file; not {type(source).__name__}")


def _bind(target: Target, session: Session) -> None:
    """Make the target's declarations the loaded maps and variables, until the session closes. Where another session
    has them already they are that one's again afterwards."""
    bound: list[Any] = []
    for name, declared in _declarations(target).items():
        view = session.maps.get(name) if isinstance(declared, Map) else session.variables.get(name)
        if view is not None:
            declared.views.append(view)
            bound.append((declared, view))

    def release() -> None:
        for declared, view in bound:
            declared.views = [each for each in declared.views if each is not view]

    session.on_close(release)


def _declarations(target: Target) -> dict[str, Map | Declared]:
    if isinstance(target, str | PathLike | Object):
        return {}
    if isinstance(target, ModuleType):
        return declarations(probes_in(vars(target).values()), vars(target))
    probes = [target] if isinstance(target, Probe) else list(cast("Iterable[Probe]", target))
    return declarations(probes, probes[0].function.__globals__) if probes else {}
