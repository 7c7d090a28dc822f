"""`pyebpf check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pyebpf import compiler
from pyebpf.cli.capabilities import text, to_json
from pyebpf.cli.main import documented
from pyebpf.cli.options import FILE, btf_option, json_option, kernel_option, read_btf, show_warnings
from pyebpf.cli.streams import kept_clean
from pyebpf.kernel.needs import Needs
from pyebpf.kernel.versions import Version, show_version

STRATEGIES = {
    "bounded": "round by round",
    "unrolled": "written out",
    "callback": "as a function of its own (bpf_loop)",
    "iterator": "as often as the kernel's iterator has something",
    "entries": "as a function of its own (bpf_for_each_map_elem)",
    "records": "as a function of its own (bpf_user_ringbuf_drain)",
}
"""How the loops of a program are done, in words."""


@click.command("check")
@click.argument("file", type=FILE)
@btf_option
@kernel_option
@json_option
def command(file: Path, btf_path: Path | None, kernel: Version | None, as_json: bool) -> None:
    """Find mistakes in FILE, and show each program's loop bounds, stack, instructions and needs. Needs no root."""
    with documented(as_json, programs=[]), kept_clean(as_json):
        report = compiler.check_target(file, btf=read_btf(btf_path), kernel=kernel)
    programs = [
        _program(program, report.capabilities[program.name], report.followed.get(program.name))
        for program in report.programs
    ]
    if as_json:
        from pyebpf.diagnostics import render

        click.echo(json.dumps({"diagnostics": render.to_json(report.warnings), "programs": programs}, indent=2))
        return
    show_warnings(report.warnings)
    for program in programs:
        _show(program)


def _program(program: Any, takes: Needs, followed: int | None) -> dict[str, Any]:
    """`followed`: what the verifier goes through, if that was tried."""
    return {
        "name": program.name,
        "hook": program.hook,
        "worst_case": program.worst_case,
        "followed": followed,
        "stack": program.stack,
        "scratch": program.scratch,
        "loops": [
            {"file": loop.file, "line": loop.line, "bound": loop.bound, "strategy": loop.strategy}
            for loop in program.loops
        ],
        "helpers": [
            {"name": helper.name, "since": show_version(helper.since), "gpl": helper.gpl} for helper in program.helpers
        ],
        "since": show_version(program.needs.since),
        "because": program.needs.what,
        "capabilities": to_json(takes),
    }


def _show(program: dict[str, Any]) -> None:
    budget = 1_000_000
    click.echo(f"{program['name']}: {program['hook']}")
    if (followed := program["followed"]) is not None:
        click.echo(f"  instructions  the verifier goes through about {followed:,} of {budget:,} (followed)")
    else:
        click.echo(f"  instructions  about {program['worst_case']:,} of {budget:,} (estimated)")
    click.echo(f"  stack         {program['stack']} of 512 bytes")
    if program["scratch"]:
        click.echo(f"  scratch       {program['scratch']:,} bytes for each CPU, for what the stack has no room for")
    click.echo(f"  needs         Linux {program['since']}, for {program['because']}")
    click.echo(f"  capabilities  {text(program['capabilities'])}")
    for loop in program["loops"]:
        way = STRATEGIES[loop["strategy"]]
        most = f"at most {loop['bound']:,} times, " if loop["bound"] else ""
        click.echo(f"  loop          {loop['file']}:{loop['line']} {most}{way}")
    helpers = [f"{h['name']} (Linux {h['since']}{', GPL' if h['gpl'] else ''})" for h in program["helpers"]]
    for number, helper in enumerate(helpers):
        click.echo(f"  {'helpers' if not number else '':<14}{helper}")
