"""`pyebpf hooks`."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import click

from pyebpf.cli.options import btf_option, json_option, read_btf

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyebpf.kernel.attachable import Place
    from pyebpf.kernel.btf import Btf


@click.command("hooks")
@click.argument("pattern", required=False)
@btf_option
@json_option
def command(pattern: str | None, btf_path: Path | None, as_json: bool) -> None:
    """What probes can be attached to here, with its arguments: all whose name has PATTERN in it (`tcp_`), or matches it
    (`tcp_*_skb`), or what one hook takes (`iterator`). Without PATTERN how many there are."""
    from pyebpf.kernel.attachable import places

    btf = read_btf(btf_path) or _running()
    found = places(pattern or "", btf)
    if as_json:
        return click.echo(json.dumps([_json(place) for place in found], indent=2, ensure_ascii=False))
    if pattern is None:
        return _counts(found)
    last = None
    for place in found:
        if place.hooks != last:
            click.echo(("\n" if last else "") + _title(place, btf_path is None))
            last = place.hooks
        click.echo(f"  {_line(place)}")
    if last is None:
        raise click.UsageError(f"nothing here that a probe can be attached to has {pattern} in its name")


def _running() -> Btf | None:
    from pyebpf.kernel.btf import Btf, BtfError

    try:
        return Btf.running()
    except (BtfError, OSError) as error:
        click.echo(f"pyebpf: functions and the like aren't shown: {error}", err=True)
        return None


def _title(place: Place, here: bool) -> str:
    """The hooks, and those that this kernel doesn't allow."""
    title = "  ".join(f"@{name}" for name in place.hooks)
    refused = _refused() if here else {}
    found: dict[str, list[str]] = {}
    for name in place.hooks:
        if name in refused:
            found.setdefault(refused[name], []).append(name)
    return "\n".join([title, *(f"  (not here: {', '.join(names)}: {why})" for why, names in found.items())])


def _refused() -> dict[str, str]:
    """Why a hook can't be used here, of those that are tried by their name."""
    from pyebpf.loader.attach_tries import ALIKE
    from pyebpf.loader.features import probe

    refused = {feature.name: feature.why for feature in probe().of("attach") if feature.why}
    return refused | {name: refused[other] for name, other in ALIKE.items() if other in refused}


def _line(place: Place) -> str:
    if not place.name:
        return f"({place.arguments[0]})" + (f" on: {place.where}" if place.where else "")
    result = f" -> {place.result}" if place.result else ""
    return f'"{place.name}"  ({", ".join(place.arguments)}){result}'


def _json(place: Place) -> dict[str, object]:
    return {
        "hooks": list(place.hooks),
        "name": place.name,
        "arguments": list(place.arguments),
        "result": place.result or None,
        "where": place.where or None,
    }


def _counts(found: Iterable[Place]) -> None:
    """How much there is for each hook."""
    counts: Counter[tuple[str, ...]] = Counter()
    alone: list[str] = []
    for place in found:
        if place.name:
            counts[place.hooks] += 1
        else:
            alone += place.hooks
    for hooks, count in counts.items():
        click.echo(f"{count:>7,}  {'  '.join(f'@{name}' for name in hooks)}")
    click.echo(f"\n         {'  '.join(f'@{name}' for name in alone)}")
    click.echo("\npyebpf hooks PATTERN shows those with PATTERN in their names, with their arguments")
