"""`pyebpf run`."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyebpf.cli.files import Files, picture_options
from pyebpf.cli.main import as_document, documented, is_refusal, report
from pyebpf.cli.options import FILE, Interval, Seconds, btf_option, build, json_option, numbers, pairs, read_btf
from pyebpf.cli.streams import kept_clean
from pyebpf.cli.watch import Watch
from pyebpf.object.changes import as_wanted

if TYPE_CHECKING:
    from pyebpf.kernel.btf import Btf
    from pyebpf.object.specs import Object
    from pyebpf.runtime.session import Session


@click.command("run")
@click.argument("file", type=FILE)
@click.option("--for", "seconds", type=Seconds(), metavar="SECONDS", help="Stop after this time.")
@click.option(
    "--interval", type=Interval(), metavar="SECONDS", help="Show the maps, how they grow, and how often programs run."
)
@picture_options
@click.option(
    "--attach",
    multiple=True,
    metavar="NAME=WHERE",
    help="Where a program attaches: an interface, a cgroup directory, a map.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="The value of a Config, or of an option of the kernel's configuration.",
)
@click.option(
    "--pin",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep it in the kernel, by a folder of a bpf file system; take over what is there.",
)
@click.option("--token", metavar="FOLDER", help="The bpf file system that delegates it to this user namespace.")
@click.option("--fresh", multiple=True, metavar="MAP", help="With --pin: begin with an empty one.")
@click.option("--user", metavar="NAME", help="Once everything is attached, go on as this user.")
@click.option(
    "--keep-privileges",
    is_flag=True,
    help="Stay as privileged as it began; otherwise capabilities that aren't needed any more are dropped.",
)
@click.option("--without", multiple=True, metavar="PROGRAM", help="Leave out a program of FILE.")
@click.option("--entries", multiple=True, metavar="MAP=N", help="How many entries a map has, if FILE doesn't say it.")
@click.option(
    "--verifier-log",
    "log_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="LOG",
    help="Write what the verifier says of each program to a file, refused or not.",
)
@btf_option
@json_option
def command(
    file: Path,
    seconds: float | None,
    interval: float | None,
    svg: Path | None,
    folded: Path | None,
    speedscope: Path | None,
    attach: tuple[str, ...],
    settings: tuple[str, ...],
    pin: Path | None,
    token: str | None,
    fresh: tuple[str, ...],
    user: str | None,
    keep_privileges: bool,
    without: tuple[str, ...],
    entries: tuple[str, ...],
    log_path: Path | None,
    btf_path: Path | None,
    as_json: bool,
) -> None:
    """Compile FILE (a .py with probes, or any .o), load and attach it, and show its events; at the end its maps."""
    if fresh and pin is None:
        raise click.UsageError("--fresh is for what --pin takes over")
    if user is not None and keep_privileges:
        raise click.UsageError("--user gives up privileges, and --keep-privileges doesn't")
    where, config = pairs("--attach", attach, "NAME=WHERE"), pairs("--set", settings, "NAME=VALUE")
    sizes = numbers("--entries", entries, "MAP=N")
    with documented(as_json, indent=None):
        _check_user(user)
        btf = read_btf(btf_path)
        with kept_clean(as_json):
            obj = as_wanted(build(file, btf, here=True), without, sizes)
        kept: dict[str, Any] = {} if pin is None else {"pin": pin.absolute(), "fresh": fresh}
        kept |= {"token": token, "verifier_log": log_path}
        session = _open(obj, config, btf, where, kept, as_json)
    gc.enable()
    with session:
        with documented(as_json, indent=None):
            files = Files(session, file.name, svg, folded, speedscope)
        _announce(file, session, seconds)
        if interval is not None:
            _count_runs(session)
        if not keep_privileges:
            with documented(as_json, indent=None):
                _drop_privileges(session, user)
        with documented(as_json, indent=None):
            files.write()  # so that what can't be written is told now
        Watch(session, as_json, interval, files).run(seconds)
    if pin is not None:
        click.echo(f"{file.stem} runs on, kept by {pin}; to end it: rm -r {pin}", err=True)


def _open(
    obj: Object, config: dict[str, str], btf: Btf | None, where: dict[str, str], kept: dict[str, Any], as_json: bool
) -> Session:
    """The session; where this machine doesn't allow it, the reason and the compiled program, and exit code 3."""
    from pyebpf.loader.errors import LoadError, LoadWarning
    from pyebpf.runtime.session import open_session

    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", LoadWarning)
            session = open_session(obj, config=_values(obj, config), btf=btf, where=where, **kept)
    except LoadError as error:
        if as_json:
            click.echo(as_document(error))
        code = report(error)
        if is_refusal(error):
            from pyebpf.object.disassemble import disassemble

            click.echo("This is the program that would have run:\n", err=True)
            click.echo(disassemble(obj), err=as_json)
        sys.exit(code)
    for note in notes:
        click.echo(f"pyebpf: {note.message}", err=True)
    return session


def _count_runs(session: Session) -> None:
    """Have the kernel count how often programs run, and for how long, while there are the privileges for it."""
    from pyebpf.loader.errors import LoadWarning

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", LoadWarning)
        _ = session.stats
    for note in notes:
        click.echo(f"pyebpf: {note.message}", err=True)


def _check_user(user: str | None) -> None:
    """Raises LoadError for one that isn't there, before anything is loaded."""
    if user is not None:
        from pyebpf.runtime.dropping import account_of

        account_of(user)


def _drop_privileges(session: Session, user: str | None) -> None:
    """What isn't needed any more; to another user if one is named. Raises LoadError."""
    from pyebpf.runtime.dropping import drop_privileges

    with session.without_threads():
        alone = len(os.listdir("/proc/self/task")) == 1
    if user is None and not alone:  # the user's module has started threads
        return click.echo("pyebpf: privileges are kept, since other threads would keep theirs", err=True)
    kept = drop_privileges(session, user)
    if user is not None:
        click.echo(f"going on as {user}" + (f", with {', '.join(kept)}" if kept else ""), err=True)


_TRUTHS = {"true": True, "false": False, "y": True, "n": False, "0": False, "1": True, "2": 2}
"""Options of the kernel's configuration that are set or not; 2 is a module's `m`."""


def _values(obj: Object, settings: dict[str, str]) -> dict[str, object]:
    """Settings as the Configs' types want them, and options of the kernel's configuration: numbers in any of Python's
    notations, true and false, text."""
    from pyebpf import layout

    types = {variable.name: variable.type for variable in obj.metadata.variables if variable.kind == "Config"}
    options = {extern.name: extern.kind for extern in obj.externs if extern.section == ".kconfig"}
    found: dict[str, object] = {}
    for name, value in settings.items():
        type = types.get(name)
        found[name] = value
        if options.get(name) in ("bool", "tristate") and value.lower() in _TRUTHS:
            found[name] = _TRUTHS[value.lower()]
        elif isinstance(type, layout.Boolean) and value.lower() in ("true", "false", "0", "1"):
            found[name] = value.lower() in ("true", "1")
        elif isinstance(type, layout.Integer) and type.view == "int":
            try:
                found[name] = int(value, 0)
            except ValueError:
                raise click.UsageError(f"--set {name}={value}: {name} is {type}, which takes an integer") from None
    return found


def _announce(file: Path, session: Session, seconds: float | None) -> None:
    for link in session.links:
        click.echo(f"{file.stem}: {link.program} → {link.where}", err=True)
    click.echo(
        f"running for {seconds:g} s; Ctrl-C stops earlier" if seconds is not None else "Ctrl-C to stop", err=True
    )
