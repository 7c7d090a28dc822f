"""`pyebpf compile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import click

from pyebpf import compiler
from pyebpf.cli.options import FILE, btf_option, cpu_option, kernel_option, read_btf, show_warnings
from pyebpf.cli.output import write_file
from pyebpf.cli.streams import kept_clean
from pyebpf.kernel.versions import Version


@click.command("compile")
@click.argument("file", type=FILE)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.o",
    help="Where to write; - is standard output. An object goes beside FILE without it (probe.o for probe.py), "
    "other stages go to standard output.",
)
@click.option(
    "--emit", type=click.Choice(get_args(compiler.Stage)), default="obj", show_default=True, help="The stage to write."
)
@btf_option
@cpu_option
@kernel_option
@click.option("--big-endian", is_flag=True, help="For big-endian machines (s390x), as also BTF of such a kernel says.")
def command(
    file: Path,
    output: Path | None,
    emit: compiler.Stage,
    btf_path: Path | None,
    cpu: str | None,
    kernel: Version | None,
    big_endian: bool,
) -> None:
    """Compile the probes in FILE to a standard BPF object, beside FILE or at OUT.o, or show a stage of it."""
    if emit == "obj" and output is None:
        output = file.with_suffix(".o")
    shown = output is None or str(output) == "-"
    if output is not None and not shown and output.exists() and output.samefile(file):
        raise click.UsageError(f"{output} is the source, which would be lost; name another file with -o")
    types = read_btf(btf_path)
    if big_endian and types is not None and not types.big_endian:
        raise click.UsageError(f"{btf_path} has the types of a little-endian machine, without --big-endian")
    with kept_clean(shown):
        result = compiler.emit(
            *(file, emit), btf=types, cpu=cpu, kernel=kernel, warn=show_warnings, big_endian=big_endian or None
        )
    data = result if isinstance(result, bytes) else result.encode()
    if output is None or shown:
        sys.stdout.buffer.write(data)
    else:
        write_file(output, data)
