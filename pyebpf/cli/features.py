"""`pyebpf features`."""

from __future__ import annotations

import json
import platform
import textwrap
from typing import TYPE_CHECKING, Final

import click

from pyebpf.cli.options import json_option
from pyebpf.kernel.versions import show_version

if TYPE_CHECKING:
    from pyebpf.loader.features import Feature, Features

TITLES: Final = {
    "program": "Programs that load",
    "map": "Maps",
    "attach": "Ways of attaching, and of using what is loaded",
    "instructions": "Instruction sets",
}
WIDTH: Final = 100


@click.command("features")
@click.argument("name", required=False)
@click.option("--anew", is_flag=True, help="Try everything once more; otherwise once for each boot of the machine.")
@click.option("--token", metavar="FOLDER", help="What the bpf file system there delegates to this user namespace.")
@json_option
def command(name: str | None, anew: bool, token: str | None, as_json: bool) -> None:
    """What this kernel, and these privileges, allow, and why not: each is tried for real. NAME shows more of one of
    them: `xdp` has the helpers that such programs may call."""
    from pyebpf.loader.features import probe, to_json

    found = probe(anew=anew, token=token)
    if name is not None:
        return _one(found, name, as_json)
    if as_json:
        return click.echo(json.dumps(to_json(found), indent=2))
    click.echo(f"Linux {found.kernel}, {platform.machine()}")
    for group, title in TITLES.items():
        _group(title, [feature for feature in found.features if feature.group == group])
    click.echo("\nSettings and privileges")
    widest = max(map(len, found.settings))
    for setting, value in found.settings.items():
        click.echo(f"  {setting:<{widest}}  {value}")


def _group(title: str, features: list[Feature]) -> None:
    working = [feature.name for feature in features if feature.works]
    click.echo(f"\n{title}: {len(working)} of {len(features)}")
    _wrapped("  ".join(working))
    refused = [feature for feature in features if not feature.works]
    widest = max((len(feature.name) for feature in refused), default=0)
    for why in dict.fromkeys(feature.why for feature in refused):
        names = [feature.name for feature in refused if feature.why == why]
        if len(names) > 1:
            _wrapped(f"no {', '.join(names)}:", "     ")
            click.echo(f"      {why}")
        else:
            click.echo(f"  no {names[0]:<{widest}}  {why}")


def _one(found: Features, name: str, as_json: bool) -> None:
    """All that is known of one feature."""
    features = [feature for feature in found.features if feature.name.lower() == name.lower()]
    if not features:
        import difflib

        known = {feature.name.lower(): feature.name for feature in found.features}
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        hint = f"; did you mean {known[near[0]]}?" if near else ""
        raise click.UsageError(f"there is no feature {name}{hint}")
    helpers = found.helpers.get(features[0].name, ())
    if as_json:
        rows = [
            {
                "group": f.group,
                "name": f.name,
                "works": f.works,
                "since": f.since and show_version(f.since),
                "why": f.why,
            }
            for f in features
        ]
        return click.echo(json.dumps({"features": rows, "helpers": list(helpers)}, indent=2))
    for feature in features:
        since = f", since Linux {show_version(feature.since)}" if feature.since else ""
        click.echo(f"{feature.name} ({TITLES[feature.group].lower()}{since}): {feature.why or 'yes'}")
    if helpers:
        click.echo(f"\nHelpers that such programs may call: {len(helpers)}")
        _wrapped("  ".join(helpers))


def _wrapped(text: str, more: str = "  ") -> None:
    click.echo(
        textwrap.fill(
            text,
            WIDTH,
            initial_indent="  ",
            subsequent_indent=more,
            break_on_hyphens=False,
            break_long_words=False,
        )
    )
