"""Processes that are killed while they load, attach, update, pin, upgrade or unpin leave nothing that wasn't pinned;
and what is pinned can be taken over. The short version of `benchmarks/kills.py`, which does it at every call, and by
all mechanisms."""

from __future__ import annotations

from pathlib import Path

import killing
import pytest
import victims
from run_network import Wire
from victims import VICTIMS, Places, Victim, compiled, lives

pytestmark = pytest.mark.kernel
CALLS = 4
"""At how many calls of each life it is killed, spread over all."""
SHORT = ("cgroup", "clsact", "lwt", "tail_calls")


@pytest.mark.parametrize("victim", [each for each in VICTIMS if each.name in SHORT], ids=lambda each: each.name)
def test_nothing_is_left(victim: Victim, wire: Wire, bpf_fs: Path, cgroup: Path, tmp_path: Path) -> None:
    folders = bpf_fs / "kept"
    folders.mkdir()
    places = Places(cgroup, folders, wire.inside)
    one, kernel = compiled(victim, tmp_path), killing.Kernel(places)
    for work, before in lives(victim):
        round = killing.Round(one, places, kernel, work, before)
        for number in {1 + round.calls * part // CALLS for part in range(CALLS)} | {round.calls}:
            round.at_call(number)
    kernel.settle()


def test_what_stays_is_found(
    wire: Wire, bpf_fs: Path, cgroup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(killing, "PATIENCE", 0.5)
    folders = bpf_fs / "kept"
    folders.mkdir()
    places = Places(cgroup, folders, wire.inside)
    one = compiled(next(each for each in VICTIMS if each.name == "cgroup"), tmp_path)
    kernel = killing.Kernel(places)
    victims.begin(one, places)
    with pytest.raises(killing.Found, match=r"left btf .*, link .*, program"):
        kernel.check_empty("pinned")
    victims.end(one, places)
    monkeypatch.undo()
    kernel.check_empty("not pinned any more")
