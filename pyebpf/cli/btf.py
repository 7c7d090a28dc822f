"""`pyebpf btf`."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import click

from pyebpf.cli.main import documented
from pyebpf.cli.options import FILE, btf_option, build, json_option, read_btf
from pyebpf.cli.output import write_file


@click.group("btf", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """The kernel's types: show one, or keep those that programs use."""


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


@command.command("show")
@click.argument("name", metavar="TYPE")
@btf_option
@json_option
def show(name: str, btf_path: Path | None, as_json: bool) -> None:
    """Show TYPE of the kernel and its modules, or of --btf (also of an object): members with their offsets and sizes in
    bytes, enumerators, or the declaration of a function. TYPE is a name, as task_struct, "struct sock", "enum pid_type"
    or "function vfs_read"."""
    from pyebpf.cli.btf_show import KINDS, described, find, lines, near
    from pyebpf.kernel.btf import Btf

    words = name.split()
    if not (len(words) == 1 or (len(words) == 2 and words[0] in KINDS)):
        raise click.UsageError(f'{name!r} names no type; such do: task_struct, "struct sock", "enum pid_type"')
    with documented(as_json):
        given = read_btf(btf_path)
        whole = Btf.running() if given is None else given
        places = chain([("", whole)], Btf.modules() if given is None else ())
        found = find(words[-1], words[:-1] or KINDS, places)
    if found is None:
        like = near(words[-1], whole)
        hint = f"; did you mean {' or '.join(like)}?" if like else ""
        raise click.UsageError(f"there is no {name} in {btf_path or 'the kernel and its modules'}{hint}")
    module, btf, type_id = found
    shown = ({"module": module} if module else {}) | described(btf, type_id)
    click.echo(json.dumps(shown, indent=2) if as_json else "\n".join(lines(shown)))
