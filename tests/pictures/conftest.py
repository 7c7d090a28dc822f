"""Pictures are rendered to PNG files, so that anyone can look at them: --artefacts FOLDER, or tests/artefacts/."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RENDERER = "rsvg-convert"
"""Of Debian's librsvg2-bin: a renderer without scripts."""


@pytest.fixture
def artefacts(request: pytest.FixtureRequest) -> Path:
    """Where pictures are put."""
    folder = Path(request.config.getoption("--artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def rendered(artefacts: Path) -> Callable[[str, str], tuple[int, int]]:
    """Write an SVG document and its PNG under a name; gives the width and height of the PNG."""
    if shutil.which(RENDERER) is None:
        pytest.skip(f"{RENDERER} isn't installed (librsvg2-bin): it draws what is looked at")

    def render(name: str, svg: str) -> tuple[int, int]:
        source, target = artefacts / f"{name}.svg", artefacts / f"{name}.png"
        source.write_text(svg, encoding="utf-8")
        done = subprocess.run([RENDERER, source, "-o", target], capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        width, height = struct.unpack(">II", target.read_bytes()[16:24])
        return width, height

    return render
