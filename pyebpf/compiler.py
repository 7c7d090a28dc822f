"""The pipeline, one call per stage, top to bottom. The only module that sees all stages.

A target is a probe, a list of probes, a module, or the path of a `.py` file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

from pyebpf.diagnostics.base import CompileError, Diagnostic
from pyebpf.diagnostics.internal import own_faults
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.versions import INSTRUCTION_SETS, Version, instruction_set, parse_version, running_version
from pyebpf.lang.maps import Map
from pyebpf.lang.naming import declarations
from pyebpf.lang.probes import HelperFunction, Probe
from pyebpf.lang.struct_ops import StructOps, probes_in
from pyebpf.lang.variables import Declared
from pyebpf.modules import load_module
from pyebpf.plan import Plan
from pyebpf.records import dataclass
from pyebpf.source import Source, Span

if TYPE_CHECKING:
    from pyebpf.checks import Checked, ProgramReport
    from pyebpf.codegen.worker import Worker
    from pyebpf.ir.module import Module
    from pyebpf.kernel.needs import Needs
    from pyebpf.object.specs import Object
    from pyebpf.syntax import tree

Stage: TypeAlias = Literal["ast", "ir", "llvm", "asm", "obj"]
STAGES: Final[tuple[Stage, ...]] = ("ast", "ir", "llvm", "asm", "obj")
DEFAULT_CPU: Final = "v3"
DEFAULT_LICENSE: Final = "GPL"
"""What an object is licensed as unless its module says `__license__ = "…"`; the kernel keeps some helpers for the
GPL."""

Warn: TypeAlias = "Callable[[tuple[Diagnostic, ...]], None]"
Target: TypeAlias = "Probe | StructOps | ModuleType | str | Path | Iterable[Probe | StructOps]"


@final
@dataclass(frozen=True)
class CheckReport:
    """What `pyebpf check` shows of a target without mistakes."""

    programs: tuple[ProgramReport, ...]
    warnings: tuple[Diagnostic, ...]
    capabilities: Mapping[str, Needs]
    """What loading and attaching takes, by program."""
    followed: Mapping[str, int]
    """The instructions that the verifier goes through, by program, where that was tried; they are rather fewer."""


@final
@dataclass(frozen=True)
class Unit:
    """A target, resolved: its probes and the names around them."""

    probes: tuple[Probe, ...]
    title: str
    license: str
    names: dict[int, str]
    variables: tuple[Declared, ...]
    """Variables of a module, used or not: what can be set from outside."""
    path: str
    declared: dict[str, Map]
    """The maps that a module declares, by name; of single probes it isn't asked."""


def compile_target(
    target: Target,
    *,
    btf: Btf | None = None,
    cpu: str | None = None,
    kernel: Version | str | None = None,
    warn: Warn | None = None,
    worker: Worker | None = None,
    here: bool = False,
    big_endian: bool | None = None,
) -> Object:
    """Compile to an object, which holds the bytes of its ELF file. Raises CompileError.

    `kernel` is the oldest that it shall run on; what came later is an error, and the instruction set is its own.
    `warn` is given what is legal and suspect. `worker`: a code generator to use, for those who compile much. `here`:
    where `kernel` isn't told, only this machine's shall load it, so that no other verifier need be able to follow it.
    `big_endian`: for machines of this byte order; if None, of that of `btf`, or without one of this machine. Raises
    ValueError for a `cpu` or a `kernel` that doesn't exist, and for a byte order that isn't that of `btf`.
    """
    from pyebpf.building import Building

    kernel, btf = as_version(kernel), _types(btf, big_endian)
    cpu = _instruction_set(cpu, kernel)
    verifier = running_version() if here and kernel is None else kernel
    typed = kernel if btf is not None else verifier  # types are given where the running kernel may have none
    with Building(cpu, verifier, worker) as building:  # starts to import LLVM while the front end works
        unit = resolve(target)
        with own_faults():
            return building.build(_checks(unit, btf, kernel, warn, typed)).object


def _checks(
    unit: Unit, btf: Btf | None, kernel: Version | None, warn: Warn | None, typed: Version | None = None
) -> Callable[[Plan], Checked]:
    """Checks the module of `unit` as often as it is asked to, and warns the first time. `typed`: the oldest kernel that
    shall load it, should that have its own types; if None, `kernel`."""
    from pyebpf.checks import check_module, examine
    from pyebpf.ir.validate import validate

    module = _module(unit, btf, typed or kernel)
    validate(module)
    language = examine(module, kernel)
    found: dict[Plan, Checked] = {}

    def check(plan: Plan) -> Checked:
        if plan not in found:
            found[plan] = check_module(module, kernel, None, plan, language)
            if warn is not None and len(found) == 1:
                warn(_suspects(unit, found[plan]))
        return found[plan]

    return check


def _types(btf: Btf | None, big_endian: bool | None) -> Btf | None:
    """The kernel types to compile with: for machines of the other byte order without any, none. Raises ValueError."""
    if big_endian is None or big_endian == (sys.byteorder == "big" if btf is None else btf.big_endian):
        return btf
    if btf is not None:
        raise ValueError(f"the kernel types are those of a {'little' if big_endian else 'big'}-endian machine")
    return Btf.empty(big_endian=big_endian)


def _cpu(kernel: Version | None) -> str:
    return DEFAULT_CPU if kernel is None else instruction_set(kernel)


def as_version(kernel: Version | str | None) -> Version | None:
    """`(5, 10)`, also of "5.10". Raises ValueError, TypeError."""
    if kernel is None:
        return None
    if isinstance(kernel, str):
        return parse_version(kernel)
    if not isinstance(kernel, tuple) or not all(type(part) is int for part in kernel):
        raise TypeError(f"kernel is a version, such as (5, 10) or '5.10', not {kernel!r}")
    if len(kernel) != 2 or min(kernel) < 0:
        raise ValueError(f"kernel is a version of two numbers, such as (5, 10), not {kernel!r}")
    return kernel


def _instruction_set(cpu: str | None, kernel: Version | None) -> str:
    """What `cpu` names, or what `kernel` has. Raises ValueError, TypeError."""
    if cpu is None:
        return _cpu(kernel)
    known = sorted(name for name, _ in INSTRUCTION_SETS)
    if not isinstance(cpu, str):
        raise TypeError(f"cpu is the name of an instruction set, {' '.join(known)}, not {cpu!r}")
    if cpu not in known:
        raise ValueError(f"there is no instruction set {cpu!r}; there are {' '.join(known)}")
    return cpu


def check_target(
    target: Target, *, btf: Btf | None = None, cpu: str | None = None, kernel: Version | None = None
) -> CheckReport:
    """Find every mistake; needs no root. Raises CompileError.

    Code is made only where the verifier might have more to do than the estimate says, or where it depends on the code
    whether it takes CAP_PERFMON.
    """
    unit = resolve(target)
    with own_faults():
        return _report(unit, _checks(unit, btf, kernel, None), cpu, kernel)


def _report(unit: Unit, check: Callable[[Plan], Checked], cpu: str | None, kernel: Version | None) -> CheckReport:
    from pyebpf.building import PLANS, Building, is_risky
    from pyebpf.effort.needs import program_needs

    checked = check(PLANS[0])
    takes = {report.name: report.capabilities for report in checked.reports}
    tracing = all("CAP_PERFMON" in each.always for each in takes.values())
    if tracing and not is_risky(checked):
        return CheckReport(checked.reports, _suspects(unit, checked), takes, {})
    with Building(cpu or _cpu(kernel), kernel) as building:
        built = building.build(check)
    measured = zip(built.object.programs, built.efforts)  # none are, where the estimate is low
    followed = {program.name: effort.instructions for program, effort in measured}
    takes |= {program.name: program_needs(built.object, program, compiled=True) for program in built.object.programs}
    return CheckReport(built.checked.reports, _suspects(unit, checked), takes, followed)


def lower_target(target: Target, *, btf: Btf | None = None, kernel: Version | None = None) -> Checked:
    """Typed IR that every check has passed, as the simulator runs it. Raises CompileError."""
    unit = resolve(target)
    with own_faults():
        return _checks(unit, btf, kernel, None)(Plan())


def emit(
    target: Target,
    stage: Stage,
    *,
    btf: Btf | None = None,
    cpu: str | None = None,
    kernel: Version | None = None,
    warn: Warn | None = None,
    big_endian: bool | None = None,
) -> str | bytes:
    """The output of one stage: `ast`, `ir`, `llvm` and `asm` as text, `obj` as bytes. See `compile_target`."""
    unit, btf = resolve(target), _types(btf, big_endian)
    with own_faults():
        if stage == "ast":
            from pyebpf.syntax.dump import dump

            return "\n".join(dump(tree) for tree in _trees(unit))
        check, cpu = _checks(unit, btf, kernel, warn), cpu or _cpu(kernel)
        if stage not in ("asm", "obj"):
            return _planned(check, stage, cpu, kernel)
        from pyebpf.building import Building

        with Building(cpu, kernel) as building:
            built = building.build(check)
            return built.object.elf if stage == "obj" else building.assembly(built.text)


def _planned(check: Callable[[Plan], Checked], stage: Stage, cpu: str, kernel: Version | None) -> str:
    """The module as code is made of it, as IR or in LLVM's words; without LLVM if the first plan is sure to do."""
    from pyebpf.building import PLANS, Building, is_risky
    from pyebpf.codegen import emit_module
    from pyebpf.ir.printer import print_module
    from pyebpf.ir.validate import validate
    from pyebpf.transform import optimize

    checked = check(PLANS[0])
    if is_risky(checked):
        with Building(cpu, kernel) as building:
            built = building.build(check)
        return built.text if stage == "llvm" else print_module(built.module)
    module = optimize(checked)
    validate(module)
    return emit_module(module, big_endian=module.big_endian).text if stage == "llvm" else print_module(module)


def resolve(target: Target) -> Unit:
    """The probes of a target. Raises CompileError if there are none, or if a file can't be run."""
    if isinstance(target, str | Path):
        return resolve(load_module(Path(target)))
    if isinstance(target, ModuleType):
        return _module_unit(target)
    probes = probes_of(target)
    if not probes:
        raise TypeError("there is no probe to compile")
    scope = probes[0].function.__globals__
    return _unit(probes, scope, scope.get("__file__") or probes[0].function.__code__.co_filename)


def probes_of(target: Probe | StructOps | Iterable[Probe | StructOps]) -> tuple[Probe, ...]:
    """One probe, or several. Raises TypeError for anything else."""
    if isinstance(target, Probe):
        return (target,)
    if isinstance(target, StructOps):
        return target.probes
    several = isinstance(target, Iterable) and not isinstance(target, bytes | bytearray | Mapping)
    given: tuple[Any, ...] = tuple(target) if several else (target,)
    probes = tuple(probe for each in given for probe in (each.probes if isinstance(each, StructOps) else (each,)))
    for probe in probes:
        if not isinstance(probe, Probe):
            raise TypeError(f"a target is a probe, probes, a module, or a path; not {type(probe).__name__}")
    return probes


def _module_unit(module: ModuleType) -> Unit:
    path = getattr(module, "__file__", None) or module.__name__
    probes = tuple(probes_in(vars(module).values()))
    if not probes:
        from pyebpf.diagnostics.declarations import NothingToCompile
        from pyebpf.modules import read_text

        source = Source(str(path), read_text(path))
        raise CompileError((NothingToCompile(Span(source, 1, 0, 1, len(source.line(1)))),))
    found = {id(value): value for value in vars(module).values() if isinstance(value, Declared)}
    return _unit(probes, vars(module), str(path), tuple(found.values()), declares=True)


def _unit(
    probes: tuple[Probe, ...],
    scope: dict[str, Any],
    path: str,
    variables: tuple[Declared, ...] = (),
    *,
    declares: bool = False,
) -> Unit:
    names = {id(declared): name for name, declared in declarations(probes, scope).items()}
    title = (scope.get("__doc__") or "").strip().partition("\n")[0]
    license = scope.get("__license__", DEFAULT_LICENSE)
    declared = {name: value for name, value in scope.items() if declares and isinstance(value, Map)}
    return Unit(
        probes, title, license if isinstance(license, str) else DEFAULT_LICENSE, names, variables, path, declared
    )


def parse(function: FunctionType) -> tree.Function:
    """Capture and parse one decorated function. Raises CompileError."""
    from pyebpf.capture import capture
    from pyebpf.syntax.parse import parse as parse_captured

    return parse_captured(capture(function))


def _trees(unit: Unit) -> list[tree.Function]:
    """The syntax trees of the probes, and of the helper functions in the same modules."""
    functions = [probe.function for probe in unit.probes]
    seen = {id(function) for function in functions}
    for value in unit.probes[0].function.__globals__.values():
        if isinstance(value, HelperFunction) and id(value.function) not in seen:
            seen.add(id(value.function))
            functions.append(value.function)
    return [parse(function) for function in functions]


def _module(unit: Unit, btf: Btf | None, kernel: Version | None = None) -> Module:
    """Source to typed IR."""
    import pyebpf
    from pyebpf.irbuild.program import Request, build_module

    trees: dict[int, tree.Function] = {}

    def parsed(function: FunctionType) -> tree.Function:
        if id(function) not in trees:
            trees[id(function)] = parse(function)
        return trees[id(function)]

    public = tuple(dir(pyebpf))
    names, variables = unit.names, unit.variables
    return build_module(Request(unit.probes, unit.title, unit.license, names, public, parsed, btf, variables, kernel))


def _suspects(unit: Unit, checked: Checked) -> tuple[Diagnostic, ...]:
    """What is legal and suspect, less what comments ask to keep quiet about."""
    from pyebpf.diagnostics.quiet import heard

    found = heard((*checked.suspects, *_unused_maps(unit, checked.module)))
    return tuple(sorted(found, key=lambda each: (each.span.source.path, each.span.line, each.span.column)))


def _unused_maps(unit: Unit, module: Module) -> Iterator[Diagnostic]:
    """Maps that are declared in the module and of which nothing else in it speaks."""
    from pyebpf.diagnostics.suspects import UnusedMap
    from pyebpf.modules import read_text

    used = {map.name for map in module.maps}
    unused = [name for name in unit.declared if name not in used]
    source = Source(unit.path, read_text(unit.path)) if unused else Source(unit.path, "")
    for name in unused:
        words = list(re.finditer(rf"\b{re.escape(name)}\b", source.text))
        if len(words) == 1 and (words[0].start() == 0 or source.text[words[0].start() - 1] == "\n"):
            line = source.text.count("\n", 0, words[0].start()) + 1
            yield UnusedMap(Span(source, line, 0, line, len(name)), name)
