"""`pyebpf compile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import click

from pyebpf import compiler
from pyebpf.cli.options import FILE, btf_option, cpu_option, kernel_option, read_btf, show_warnings
from pyebpf.kernel.versions import Version


@click.command("compile")
@click.argument("file", type=FILE)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT.o", help="Where to write."
)
@click.option(
    "--emit", type=click.Choice(get_args(compiler.Stage)), default="obj", show_default=True, help="The stage to write."
)
@btf_option
@cpu_option
@kernel_option
def command(
    file: Path,
    output: Path | None,
    emit: compiler.Stage,
    btf_path: Path | None,
    cpu: str | None,
    kernel: Version | None,
) -> None:
    """Compile the probes in FILE to a standard BPF object (-o OUT.o), or show a stage: ast, ir, llvm, asm."""
    if emit == "obj" and output is None:
        output = file.with_suffix(".o")
    result = compiler.emit(file, emit, btf=read_btf(btf_path), cpu=cpu, kernel=kernel, warn=show_warnings)
    data = result if isinstance(result, bytes) else result.encode()
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(data)
        return
    output.write_bytes(data)
