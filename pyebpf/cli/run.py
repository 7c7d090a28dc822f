"""`pyebpf run`."""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyebpf.cli.main import as_document, documented, is_refusal, report
from pyebpf.cli.options import FILE, Seconds, btf_option, build, json_option, numbers, pairs, read_btf
from pyebpf.cli.streams import kept_clean
from pyebpf.object.changes import as_wanted

if TYPE_CHECKING:
    from pyebpf.kernel.btf import Btf
    from pyebpf.object.specs import Object
    from pyebpf.runtime.session import Session

LONGEST_WAIT = 3600.0  # epoll takes milliseconds in an int


@click.command("run")
@click.argument("file", type=FILE)
@click.option("--for", "seconds", type=Seconds(), metavar="SECONDS", help="Stop after this time.")
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
        _announce(file, session, seconds)
        if not keep_privileges:
            with documented(as_json, indent=None):
                _drop_privileges(session, user)
        _Watch(session, as_json).run(seconds)
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


def _check_user(user: str | None) -> None:
    """Raises LoadError for one that isn't there, before anything is loaded."""
    if user is not None:
        from pyebpf.runtime.dropping import account_of

        account_of(user)


def _drop_privileges(session: Session, user: str | None) -> None:
    """What isn't needed any more; to another user if one is named. Raises LoadError."""
    from pyebpf.runtime.dropping import drop_privileges

    if user is None and len(os.listdir("/proc/self/task")) > 1:  # the user's module has started threads
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


class _Watch:
    """Shows what comes until the time is over or a signal comes."""

    def __init__(self, session: Session, as_json: bool) -> None:
        from pyebpf.cli.columns import Columns
        from pyebpf.layout import Struct
        from pyebpf.views.rings import RingBufView

        self.session = session
        self.as_json = as_json
        self.rings = {name: view for name, view in session.maps.items() if isinstance(view, RingBufView)}
        self.columns = {n: Columns(ring.type) for n, ring in self.rings.items() if isinstance(ring.type, Struct)}
        # With several rings each line begins with its ring's name, as their events come mixed.
        width = max(map(len, self.rings), default=0)
        self.label = {name: f"{name:<{width}}  " if len(self.rings) > 1 else "" for name in self.rings}
        self.headed: set[str] = set()

    def run(self, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
        signal.set_wakeup_fd(write)
        try:
            iterators = self.read()
            ends = iterators and iterators == len(self.session.links)
            if not ends and not self.follow(read, deadline) and sys.stderr.isatty():
                click.echo(err=True)  # the terminal has shown "^C"
            for link in self.session.links:
                link.close()  # what is pinned stays attached
            self.drain()
            self.finish()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read)
            os.close(write)

    def read(self) -> int:
        """Run each iterator once, and show what it writes; how many there are."""
        from pyebpf.views.values import text

        found = [link for link in self.session.links if link.readable]
        for link in found:
            written = link.read().decode("utf-8", "backslashreplace")
            if self.as_json:
                self.json({"iterator": link.program, "text": written})
            else:
                print("".join(f"{text(line)}\n" for line in written.splitlines()), end="")
        return len(found)

    def follow(self, stop: int, deadline: float | None) -> bool:
        """Show events until the deadline (True), or until a signal comes, seen on the descriptor `stop`."""
        with select.epoll() as poll:
            poll.register(stop, select.EPOLLIN)
            for ring in self.rings.values():
                poll.register(ring.fileno(), select.EPOLLIN)
            if self.session.prints.ring is not None:
                poll.register(self.session.prints.ring.fileno(), select.EPOLLIN)
            while True:
                left = None if deadline is None else min(deadline - time.monotonic(), LONGEST_WAIT)
                if left is not None and left <= 0:
                    return True
                ready = poll.poll(left)
                if any(number == stop for number, _ in ready):
                    return False
                self.drain()

    def drain(self) -> None:
        """Show everything that is in the rings."""
        for name, ring in self.rings.items():
            for event in ring.poll(0):
                self.event(name, event)
        for line in self.session.prints.poll(0):
            self.line(line)
        sys.stdout.flush()

    def event(self, name: str, event: Any) -> None:
        from pyebpf.views.values import plain, text

        if self.as_json:
            self.json({"map": name, "event": plain(event)})
            return
        columns = self.columns.get(name)
        label = self.label[name]
        if columns is None or isinstance(event, bytes):
            print(label + text(event))
            return
        if name not in self.headed:
            print(label + columns.header())
            self.headed.add(name)
        print(label + columns.row(event))

    def line(self, line: str) -> None:
        from pyebpf.views.values import text

        if self.as_json:
            self.json({"print": line})
        else:
            print(text(line))

    def json(self, document: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")

    def finish(self) -> None:
        from pyebpf.cli import summary

        if self.as_json:
            self.json(summary.to_json(self.session))
            sys.stdout.flush()
            return
        summary.show(self.session)
