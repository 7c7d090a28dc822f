"""Running a user's module: its mistakes become diagnostics on its own lines."""

from __future__ import annotations

import importlib
import linecache
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from pyebpf.diagnostics.base import CompileError, Diagnostic, ObjectError
from pyebpf.diagnostics.declarations import BadDeclaration, DuplicateProbe, ModuleRaised, UnknownImport
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.probes import Probe
from pyebpf.nearest import get_close_matches
from pyebpf.source import Source, Span

HERE = Path(__file__).resolve().parent
"""pyebpf itself."""
LONGEST_STRUCT = 400
"""Lines in which a field is looked for."""
LARGEST_FILE = 16 << 20
"""Bytes; no probe is longer."""


@contextmanager
def importing_from(root: Path) -> Iterator[None]:
    """Modules in `root` can be imported. Others of the same names, of programs loaded before, are put aside so long."""
    names = {path.stem for path in root.glob("*.py")} | {path.parent.name for path in root.glob("*/__init__.py")}
    names -= {"pyebpf", *sys.stdlib_module_names, *sys.builtin_module_names}
    aside = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in names and not _stands_in(module, root)
    }
    for name in aside:
        del sys.modules[name]
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        if str(root) in sys.path:
            sys.path.remove(str(root))
        tops = {name.partition(".")[0] for name in aside}
        for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
            del sys.modules[name]
        sys.modules.update(aside)


def _stands_in(module: ModuleType, root: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve().is_relative_to(root)


def read_text(path: object) -> str:
    """The text of a file, "" if it can't be read."""
    try:
        with open(str(path), "rb") as file:
            return file.read(LARGEST_FILE).decode("utf-8", "replace")
    except OSError:
        return ""


def load_module(path: Path) -> ModuleType:
    """Run the file at `path` as a module of its own and return it.

    Raises CompileError when it fails, ObjectError when it is an object, and OSError when it can't be read.
    Modules beside it can be imported; in a package (a folder with `__init__.py`) also relatively.
    """
    data = path.read_bytes()
    if data.startswith(b"\x7fELF"):
        raise ObjectError(f"{path} is an object, and no Python source; `pyebpf inspect {path}` shows what is in it")
    name = f"pyebpf_probe_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"
    module = ModuleType(name)
    module.__file__ = str(path)
    root, module.__package__ = _package(path)
    source = Source(str(path), data.decode("utf-8", "replace"))
    linecache.checkcache(str(path))
    sys.modules[name] = module
    with importing_from(root):
        try:
            if module.__package__:
                importlib.import_module(module.__package__)
            code = compile(data, str(path), "exec", dont_inherit=True)
            exec(code, module.__dict__)
        except SyntaxError as error:
            raise CompileError((_syntax_error(source, error),)) from None
        except CompileError:
            raise
        except (Exception, SystemExit) as error:  # what ends the process isn't for the module to decide
            raise CompileError((_diagnose(source, error, root),)) from error
    _check_names(source, code, module)
    return module


def _package(path: Path) -> tuple[Path, str]:
    """The folder that modules are imported from, and the package that `path` belongs to, "" if to none."""
    folder, names = path.resolve().parent, list[str]()
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


def _check_names(source: Source, code: CodeType, module: ModuleType) -> None:
    """Of two probes with one name Python keeps the second; the first would be gone in silence."""
    lines: dict[str, int] = {}
    for inner in code.co_consts:
        if not isinstance(inner, CodeType) or not isinstance(vars(module).get(inner.co_name), Probe):
            continue
        if not source.line(inner.co_firstlineno).startswith("@"):
            continue  # inside an if, where there may be one for each case
        if inner.co_name in lines:
            span = _word(Span(source, inner.co_firstlineno, 0, inner.co_firstlineno, 1), f"def {inner.co_name}")
            name = Span(source, span.line, span.end_column - len(inner.co_name), span.line, span.end_column)
            raise CompileError((DuplicateProbe(name, inner.co_name),))
        lines[inner.co_name] = inner.co_firstlineno


def _syntax_error(source: Source, error: SyntaxError) -> Diagnostic:
    from pyebpf.diagnostics.syntax import InvalidSyntax

    if error.filename != source.path:
        source = Source(error.filename or source.path, read_text(error.filename))
    line = error.lineno or 1
    column = max((error.offset or 1) - 1, 0)
    end_line = error.end_lineno or line
    end_column = max((error.end_offset or 0) - 1, 0) if end_line == line else len(source.line(line))
    return InvalidSyntax(Span(source, line, column, line, max(end_column, column + 1)), error.msg)


def _diagnose(source: Source, error: BaseException, root: Path) -> Diagnostic:
    """A diagnostic at the innermost of the user's lines that were running, in whichever file it stands."""
    declared = isinstance(error, DeclarationError | ImportError | AttributeError)
    span = _where(source, error.__traceback__, None if declared else root)
    if isinstance(error, DeclarationError):
        span = _field(span, error.field) if error.field else span
        return BadDeclaration(span, error.message, error.help)
    if isinstance(error, ImportError) and error.name == "pyebpf":
        missing = re.search(r"cannot import name '(\w+)'", str(error))
        if missing:
            return UnknownImport(_word(span, missing[1]), missing[1], _nearest(missing[1]))
    if isinstance(error, AttributeError) and "module 'pyebpf'" in str(error):
        missing = re.search(r"no attribute '(\w+)'", str(error))
        if missing:
            return UnknownImport(_word(span, missing[1]), missing[1], _nearest(missing[1]))
    message = str(error) or "(no message)"
    span = _where(source, error.__traceback__, root)
    return ModuleRaised(span, type(error).__name__, message.splitlines()[0])


def _field(span: Span, name: str) -> Span:
    """The line of a struct's field, in the class that is declared at `span`."""
    for line in range(span.line, span.line + LONGEST_STRUCT):
        found = re.match(rf"\s+({re.escape(name)}\s*:[^#]*?)\s*(#.*)?$", span.source.line(line))
        if found:
            return Span(span.source, line, found.start(1), line, found.end(1))
    return span


def _where(source: Source, trace: TracebackType | None, root: Path | None) -> Span:
    """The innermost frame of the user's, with columns where Python knows them (3.11+): in a file below `root`, or
    without one in any that isn't Python's own or pyebpf's."""
    from traceback import walk_tb

    found = Span(source, 1, 0, 1, len(source.line(1)))
    for frame, line in walk_tb(trace):
        file = frame.f_code.co_filename
        if file != source.path and not _of_user(file, root):
            continue
        inner = source if file == source.path else Source(_shown(file), read_text(file))
        text = inner.line(line)
        found = Span(inner, line, len(text) - len(text.lstrip()), line, max(len(text.rstrip()), 1))
        found = _exact(found, inner, trace, frame, line)
    return found


def _of_user(file: str, root: Path | None) -> bool:
    if not os.path.isabs(file) or Path(file).is_relative_to(HERE):
        return False
    if root is not None:
        return Path(file).is_relative_to(root) and "site-packages" not in file
    return not Path(file).is_relative_to(Path(os.__file__).parent)


def _shown(file: str) -> str:
    """As a user would write it: relative to where they are, if it is there."""
    here = Path.cwd()
    return str(Path(file).relative_to(here)) if Path(file).is_relative_to(here) else file


def _exact(whole: Span, source: Source, trace: TracebackType | None, frame: object, line: int) -> Span:
    """The instruction's own columns, when they lie on one line."""
    while trace is not None and trace.tb_frame is not frame:
        trace = trace.tb_next
    positions = getattr(getattr(trace, "tb_frame", None) and trace.tb_frame.f_code, "co_positions", None)  # type: ignore[union-attr]
    if trace is None or positions is None:
        return whole
    for index, (start, end, column, end_column) in enumerate(positions()):
        if index == trace.tb_lasti // 2 and start == end == line and column is not None and end_column is not None:
            encoded = source.line(line).encode()
            first = len(encoded[:column].decode("utf-8", "replace"))
            return Span(source, line, first, line, len(encoded[:end_column].decode("utf-8", "replace")))
    return whole


def _word(span: Span, name: str) -> Span:
    """The place of `name` in or after the span's line (imports may go over several lines)."""
    for line in range(span.line, span.line + 40):
        text = span.source.line(line)
        found = re.search(rf"\b{re.escape(name)}\b", text)
        if found:
            return Span(span.source, line, found.start(), line, found.end())
    return span


def _nearest(name: str) -> str:
    import pyebpf

    begun = [known for known in dir(pyebpf) if len(known) > 3 and name.startswith(known)]  # HashMap: Hash
    near = [max(begun, key=len)] if begun else get_close_matches(name, dir(pyebpf), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""
