"""Which capabilities what takes, as a page: from the kernel's tables, and from the samples themselves."""

from __future__ import annotations

from pathlib import Path

from pyebpf import compiler
from pyebpf.kernel.capabilities import ACTIONS, ATTACHING, MAPS, PERFMON_HELPERS
from pyebpf.kernel.hooks import HOOKS, Hook, decorators
from pyebpf.kernel.maps import MapType
from pyebpf.kernel.needs import Needs, needs_of, together

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.py"))
_HEAD = (
    "# Capabilities\n\n"
    "Root isn't needed: an ordinary user with a few capabilities can load and attach programs. `pyebpf check FILE` and "
    "`pyebpf inspect OBJECT` say which ones a program takes; this page is made from the same tables. A service gets "
    "them by `AmbientCapabilities=` of its unit, a command by `setpriv --inh-caps=+bpf,+perfmon "
    "--ambient-caps=+bpf,+perfmon --reuid USER --regid GROUP --init-groups pyebpf run …`. CAP_BPF and CAP_PERFMON came "
    "with Linux 5.8; before, CAP_SYS_ADMIN stands for both, and it still does where they are missing.\n\n"
    "`pyebpf run --user NAME` begins as root and goes on as somebody else; see [Command line](cli.md)."
)


def page() -> str:
    """The whole page."""
    parts = [_HEAD, "## Samples", _samples(), "## Hooks", _hooks(), "## Beside the hook", _beside()]
    return "\n\n".join(parts) + "\n"


def shown(needs: Needs) -> str:
    """In words."""
    return ", and ".join([", ".join(needs.always), *(f"{name} {when}" for name, when in needs.sometimes)])


def sample_needs(path: Path) -> Needs:
    """What a sample takes."""
    return together(compiler.check_target(path).capabilities.values())


def _samples() -> str:
    rows = [f"| `{path.name}` | {shown(sample_needs(path))} |" for path in SAMPLES]
    return "\n".join(["| sample | capabilities |", "|---|---|", *rows])


def _hooks() -> str:
    groups: dict[str, list[Hook]] = {}
    for hook in HOOKS:
        groups.setdefault(shown(needs_of(hook, hook.program_type)), []).append(hook)
    rows = [f"| {', '.join(f'`{name}`' for name in decorators(hooks))} | {needs} |" for needs, hooks in groups.items()]
    return "\n".join(["| hook | capabilities |", "|---|---|", *rows])


def _beside() -> str:
    rows = [
        f"| a map of the type {', '.join(MapType(kind).name for kind in MAPS)} | CAP_NET_ADMIN |",
        f"| a call of {', '.join(f'`{name}`' for name in sorted(PERFMON_HELPERS))} | CAP_PERFMON |",
        *(f"| {row.kind.value}, {row.when}: {row.why} | {row.capability} |" for row in ATTACHING),
        *(f"| {row.what} | {', '.join(row.capabilities)} |" for row in ACTIONS),
    ]
    return "\n".join(["| what | capability |", "|---|---|", *rows])
