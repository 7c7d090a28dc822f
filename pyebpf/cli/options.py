"""Options and arguments that several commands share."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyebpf.kernel.versions import Version, parse_version

if TYPE_CHECKING:
    from pyebpf.diagnostics.base import Diagnostic
    from pyebpf.kernel.btf import Btf
    from pyebpf.object.specs import Object

LONGEST = 10.0**9


class RegularFile(click.Path):
    """A file that is there, and that can be read more than once: nothing that waits for a writer."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.is_file():
            self.fail(f"File {os.fspath(path)!r} is not a regular file.", param, ctx)
        return path


FILE = RegularFile()


class TypesFile(RegularFile):
    """A file, or a folder with one named `vmlinux` in it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(value))
        return path if (path / "vmlinux").is_file() else super().convert(value, param, ctx)


btf_option = click.option(
    "--btf",
    "btf_path",
    type=TypesFile(),
    metavar="FILE",
    help="Kernel types: raw BTF, or an ELF file with it; or a copy of /sys/kernel/btf, with those of modules.",
)
cpu_option = click.option(
    "--cpu",
    type=click.Choice(["v1", "v2", "v3", "v4"]),
    help="BPF instruction set; v3, or what the kernel of --kernel has.",
)


class KernelVersion(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click only
    """`5.10` as `(5, 10)`."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Version:
        try:
            return parse_version(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


kernel_option = click.option(
    "--kernel", type=KernelVersion(), metavar="VERSION", help="The oldest kernel that it shall run on, such as 5.10."
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


class Seconds(click.FloatRange):
    """A time that passes: neither negative, nor infinite, nor "nan", which compares with nothing."""

    def __init__(self) -> None:
        super().__init__(min=0, max=LONGEST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a time.", param, ctx)
        return seconds


class Interval(Seconds):
    """A time after which something is done again, not more often than people can see it."""

    SHORTEST = 0.05

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = super().convert(value, param, ctx)
        if seconds < self.SHORTEST:
            self.fail(f"{value!r} is too short: at least {self.SHORTEST} seconds are expected.", param, ctx)
        return seconds


def read_btf(path: Path | None) -> Btf | None:
    """The BTF that `--btf` names."""
    if path is None:
        return None
    from pyebpf.kernel.btf import Btf

    return Btf.from_folder(path) if path.is_dir() else Btf.from_file(path)


def is_object(path: Path) -> bool:
    """Whether a file is an ELF object rather than Python."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def show_warnings(warnings: tuple[Diagnostic, ...]) -> None:
    """What is legal and suspect, on standard error."""
    if warnings:
        from pyebpf.cli.main import colored
        from pyebpf.diagnostics.render import render

        click.echo(render(warnings, color=colored(sys.stderr)) + "\n", err=True)


def build(path: Path, btf: Btf | None, *, here: bool = False) -> Object:
    """The object of a `.py` or `.o` file. `here`: it is for this machine's kernel only."""
    if is_object(path):
        from pyebpf.object.read import read_file

        return read_file(path)
    from pyebpf import compiler

    return compiler.compile_target(path, btf=btf, warn=show_warnings, here=here)


def pairs(option: str, values: tuple[str, ...], form: str) -> dict[str, str]:
    """The values of an `option` of the form `NAME=VALUE` as a dict, each name once. Raises UsageError."""
    found: dict[str, str] = {}
    for value in values:
        name, sign, rest = value.partition("=")
        if not (name and sign and rest):
            raise click.UsageError(f"{value!r} is not of the form {form}")
        if name in found:
            raise click.UsageError(f"{option} {name} is given twice, with {found[name]} and with {rest}")
        found[name] = rest
    return found


def numbers(option: str, values: tuple[str, ...], form: str) -> dict[str, int]:
    """As `pairs`, of values that are numbers above 0."""
    found = {}
    for name, text in pairs(option, values, form).items():
        if not text.isdecimal() or not 0 < int(text) < 1 << 32:
            raise click.UsageError(f"{option} {name}={text}: a number of entries is expected")
        found[name] = int(text)
    return found
