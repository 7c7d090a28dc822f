"""Files with pictures of the maps that `pyebpf run` writes: SVG, and stacks for other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyebpf.cli.output import write_file

if TYPE_CHECKING:
    from pyebpf.pictures.distributions import Distribution
    from pyebpf.pictures.document import Picture
    from pyebpf.runtime.session import Session
    from pyebpf.views.stack_counts import StacksView

_PATH = click.Path(path_type=Path, dir_okay=False)
History = Mapping[str, list[tuple[str, "Distribution"]]]
"""What histograms have observed in each interval."""


def picture_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that have it write such files."""
    for name, what in (
        ("speedscope", "Write the stacks in speedscope's format."),
        ("folded", "Write the stacks as folded lines."),
        ("svg", "Write a picture of the maps: flame graphs, distributions, bars."),
    ):
        command = click.option(f"--{name}", type=_PATH, metavar="FILE", help=what)(command)
    return command


class Files:
    """The files of a run, written whole, at each interval and at the end. Raises UsageError for those that nothing
    would be in."""

    def __init__(
        self, session: Session, title: str, svg: Path | None, folded: Path | None, speedscope: Path | None
    ) -> None:
        self.session = session
        self.title = title
        self.svg, self.folded, self.speedscope = svg, folded, speedscope
        if svg is not None and not self._shown():
            raise click.UsageError(f"--svg {svg}: {title} has no maps that a picture could be made of")
        for option, path in (("--folded", folded), ("--speedscope", speedscope)):
            if path is not None and not self._stacks():
                raise click.UsageError(f"{option} {path}: {title} has no Stacks")

    def _shown(self) -> dict[str, Any]:
        """Maps that can be drawn."""
        from pyebpf.views.shown import Shown

        return {name: view for name, view in self.session.maps.items() if isinstance(view, Shown)}

    def _stacks(self) -> dict[str, StacksView]:
        from pyebpf.views.stack_counts import StacksView

        return {name: view for name, view in self.session.maps.items() if isinstance(view, StacksView)}

    def write(self, history: History | None = None) -> None:
        """Write all of them. Raises OSError."""
        if self.svg is not None:
            from pyebpf.pictures.document import document

            write_file(self.svg, document(self._pictures(history or {}), self.title).encode())
        if self.folded is None and self.speedscope is None:
            return
        stacks = {name: view.counts() for name, view in self._stacks().items()}
        if self.folded is not None:
            from pyebpf.pictures.folded import folded

            several = len(stacks) > 1  # then each line begins with the map's name
            lines = [folded(each, below=name if several else "") for name, each in stacks.items()]
            write_file(self.folded, "".join(lines).encode())
        if self.speedscope is not None:
            from pyebpf.pictures.speedscope import speedscope_file

            write_file(self.speedscope, speedscope_file(stacks, self.title).encode())

    def _pictures(self, history: History) -> list[Picture]:
        from pyebpf.pictures.charts import heat_picture

        found = []
        for name, view in self._shown().items():
            found.append(view.picture())
            if len(history.get(name, [])) > 1:
                found.append(heat_picture(f"{name} over time", history[name]))
        return found
