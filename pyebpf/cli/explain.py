"""`pyebpf explain`."""

from __future__ import annotations

import click


@click.command("explain")
@click.argument("code")
def command(code: str) -> None:
    """Explain the diagnostic CODE, as E0203."""
    from pyebpf.diagnostics.explain import explain

    try:
        click.echo(explain(code.upper()))
    except LookupError as error:
        raise click.UsageError(str(error.args[0]) if error.args else f"there is no code {code}") from None
