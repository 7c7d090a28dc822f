"""samples/flames.py: a known load, found in the stacks by the names of its functions; and what is made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from nested_calls import Nested, build, nested
from places import import_file
from run_cli import SAMPLES

import pyebpf

SPIN = 300_000_000
ROOT = SAMPLES.parent


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nested"))


@pytest.fixture
def process(program: Path) -> Iterator[Nested]:
    with nested(program) as process:
        yield process


@pytest.mark.usefixtures("nothing_left")
def test_the_load_has_its_names(process: Nested, program: Path, tmp_path: Path) -> None:
    sample = import_file(SAMPLES / "flames.py")
    with pyebpf.load(sample, where={"sample": f"pid={process.pid},hz=999"}) as session:
        process.do("spin", SPIN)
        session.links[0].detach()
        stacks = session.maps["stacks"]
        best = stacks.most_common(1)[0]
        assert best.key == ("nested",) and best.count >= 50
        assert [frame.name for frame in best.frames][:3] == ["spin", "spin_outer", "main"]
        assert {frame.module for frame in best.frames[:3]} == {str(program)}
        total = sum(each.count for each in stacks.counts())
        assert total == stacks.total and stacks.dropped == 0
        assert best.count > total * 0.9

        lines = dict(line.rsplit(" ", 1) for line in stacks.folded().splitlines())
        assert sum(map(int, lines.values())) == total
        (line,) = [line for line, count in lines.items() if int(count) == best.count]
        assert line.startswith("nested;") and line.endswith(";main;spin_outer;spin")
        for name in ("all.svg", "all.json", "all.folded"):
            stacks.save(tmp_path / name)
        assert "spin_outer" in "".join(ElementTree.parse(tmp_path / "all.svg").getroot().itertext())
        assert sum(json.loads((tmp_path / "all.json").read_text())["profiles"][0]["weights"]) == total
        assert (tmp_path / "all.folded").read_text() == stacks.folded()
        assert "spin ← spin_outer ← main" in "".join(text for line in stacks.lines(200) for text, _ in line)
        assert "<iframe" in stacks._repr_html_() and "spin_outer" in stacks._repr_html_()
        with pytest.raises(ValueError, match=r"ends in none of \.svg, \.json"):
            stacks.save(tmp_path / "all.png")


@pytest.mark.usefixtures("nothing_left")
def test_a_process_that_is_gone_has_its_names(program: Path) -> None:
    """It begins and ends while the session is open."""
    sample = import_file(SAMPLES / "flames.py")
    with pyebpf.load(sample, attach=False) as session:
        with nested(program) as process:
            link = session.attach("sample", f"pid={process.pid},hz=999")
            process.do("spin", SPIN)
            link.detach()
        assert not os.path.exists(f"/proc/{process.pid}")
        best = session.maps["stacks"].most_common(1)[0]
        assert [frame.name for frame in best.frames][:3] == ["spin", "spin_outer", "main"]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_line_shows_the_greatest(process: Nested, as_json: bool) -> None:
    where = f"sample=pid:{process.pid}"
    options = ["--for", "2", "--attach", where, *(["--json"] if as_json else [])]
    command = [sys.executable, "-m", "pyebpf", "run", str(SAMPLES / "flames.py"), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            process.do("spin", SPIN // 10)
        out, errors = running.communicate()
    assert running.returncode == 0, errors
    assert "privileges are kept" not in errors
    if as_json:
        found = json.loads(out.splitlines()[-1])
        best = found["maps"]["stacks"][0]
        assert best["key"] == ["nested"] and best["value"] > 10 and found["dropped"]["stacks"] == 0
        assert [frame["name"] for frame in best["frames"]][:2] == ["spin", "spin_outer"]
    else:
        assert "main;spin_outer;spin" in "".join(out.split())
