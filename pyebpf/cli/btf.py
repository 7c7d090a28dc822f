"""`pyebpf btf`."""

from __future__ import annotations

from pathlib import Path

import click

from pyebpf.cli.options import FILE, btf_option, build, read_btf
from pyebpf.cli.output import write_file


@click.group("btf", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """The kernel's types: keep those that programs use."""


@command.command("save")
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.btf",
    required=True,
    help="Where to write.",
)
@btf_option
def save(files: tuple[Path, ...], output: Path, btf_path: Path | None) -> None:
    """Write those types of the kernel, or of --btf, that the programs in FILE... use: a few kilobytes, which
    `pyebpf run --btf OUT.btf` and every libbpf take instead of the types of a kernel that has none itself."""
    from pyebpf.kernel.btf import Btf
    from pyebpf.loader.core import no_modules
    from pyebpf.loader.minimise import minimise

    if output.exists() and any(output.samefile(file) for file in (*files, *((btf_path,) if btf_path else ()))):
        raise click.UsageError(f"{output} is one of the files to be read; name another one with -o")
    given = read_btf(btf_path)
    objects = [build(file, given) for file in files]
    target = Btf.running() if given is None else given
    data = minimise(objects, target, Btf.modules if given is None else no_modules)
    write_file(output, data)
    count = Btf.from_bytes(data).count - 1
    click.echo(f"{output}: {count} of {target.count - 1:,} types, {len(data):,} bytes", err=True)
