"""The entry point: finds the command, and turns every error into a message and an exit code."""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from pyebpf import __version__
from pyebpf.cli.streams import open_closed
from pyebpf.diagnostics.base import CompileError, Error, InternalError, ObjectError, ResourceError

if TYPE_CHECKING:
    from pyebpf.loader.errors import LoadError

WRONG, USAGE, NOT_ALLOWED = 1, 2, 3
FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What writing fails with where nothing more can be written."""
COMMANDS: Final = {
    "run": "Compile, load and attach FILE, and show its events and maps.",
    "compile": "Compile FILE to a BPF object, or show a stage of it.",
    "check": "Find mistakes; show loop bounds and budgets. Needs no root.",
    "inspect": "Show what is in a BPF object.",
    "btf": "Keep the kernel's types that programs use, in a small file.",
    "hooks": "List what probes can be attached to here, with its arguments.",
    "features": "Show what this kernel and these privileges allow, and why not.",
    "explain": "Explain a diagnostic's code.",
}
"""Commands and what they do; each is a module of this package, imported when it is called."""


class Commands(click.Group):
    """Imports a command when it is called, so that `--help` starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pyebpf.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            # Whoever read our output has had enough, which is no failure (click's own answer is exit code 1).
            # Python would complain when it flushes at exit.
            _silence()
            return 0
        except OSError as error:
            if error.filename is not None or error.errno not in FULL:
                raise
            _silence()  # files of ours have names
            raise OSError(error.errno, error.strerror, "standard output") from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _silence() -> None:
    """What is still to be written to standard output goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pyebpf")
def cli() -> None:
    """Write probes as Python functions and run them inside the Linux kernel."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    open_closed()
    gc.disable()  # a compilation is over before collecting garbage pays; `run` turns it on again
    try:
        code = cli.main(args=arguments, prog_name="pyebpf", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except Error as error:
        code = report(error)
    except OSError as error:
        click.echo(f"pyebpf: {_text(error)}", err=True)
        code = USAGE
    sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def documented(as_json: bool, *, indent: int | None = 2, **rest: Any) -> Iterator[None]:
    """With --json, what goes wrong is a document on standard output: a wrong probe's diagnostics, with `rest` beside
    them, or else the error, which is told on standard error as well."""
    try:
        yield
    except CompileError as error:
        if not as_json:
            raise
        from pyebpf.diagnostics.render import to_json

        click.echo(json.dumps({"diagnostics": to_json(error.diagnostics), **rest}, indent=indent))
        sys.exit(WRONG)
    except BrokenPipeError:
        raise
    except (Error, OSError) as error:
        if as_json:
            click.echo(as_document(error, indent))
        raise


def as_document(error: Error | OSError, indent: int | None = None) -> str:
    """The JSON that stands for an error."""
    return json.dumps({"error": _text(error)}, indent=indent)


def _text(error: Error | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return f"internal error: {error}" if isinstance(error, InternalError) else str(error)


def report(error: Error) -> int:
    """Show an error of ours on standard error; its exit code."""
    if isinstance(error, CompileError):
        from pyebpf.diagnostics.render import render

        click.echo(render(error.diagnostics, color=colored(sys.stderr)), err=True)
        return WRONG
    if isinstance(error, InternalError):
        click.echo(f"pyebpf: {_text(error)}", err=True)
        click.echo("This is a fault of pyebpf. Please report it, with the probe and this text.", err=True)
        if os.environ.get("PYEBPF_DEBUG") == "1":
            import traceback

            traceback.print_exc()
        return WRONG
    click.echo(_shown(error), err=True)
    if isinstance(error, ObjectError):
        return WRONG
    if isinstance(error, ResourceError):
        return NOT_ALLOWED
    return _load_code(error)


def _shown(error: Error) -> str:
    from pyebpf.loader.verifier import VerifierError

    if isinstance(error, VerifierError):
        return error.render(color=colored(sys.stderr))
    return f"pyebpf: {error}"


def _load_code(error: Error) -> int:
    from pyebpf.loader.errors import ConfigError, LoadError

    if isinstance(error, ConfigError):
        return USAGE
    if isinstance(error, LoadError):
        return {"privileges": NOT_ALLOWED, "kernel": NOT_ALLOWED, "target": USAGE, "object": WRONG}[error.reason]
    return WRONG


def colored(stream: Any) -> bool:
    """Whether a stream is a terminal that wants colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(stream.isatty())


def is_refusal(error: LoadError) -> bool:
    """Whether this machine, not the probe, is the reason."""
    return error.reason in ("privileges", "kernel")
