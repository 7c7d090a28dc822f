"""libbpf, in the shape of bpftool, creates and fills these maps as our own loader does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pins import BPFTOOL, Pins
from places import import_file

import pyebpf
from pyebpf.lang.probes import Probe

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed"),
]


def loaded(pins: Pins, tmp_path: Path, probe: Probe, maps: list[str]) -> dict[str, dict[int, int]]:
    """What is in the maps after libbpf has loaded the object: slots and ids."""
    path = tmp_path / "probe.o"
    pyebpf.compile(probe).save(path)
    done = pins.run(str(BPFTOOL), "prog", "loadall", path, pins.folder / "it", "pinmaps", pins.folder / "maps")
    assert done.returncode == 0 and "BTF" not in done.stderr, done.stderr
    found = {}
    for name in maps:
        shown = pins.run(str(BPFTOOL), "-j", "map", "dump", "pinned", pins.folder / "maps" / name)
        entries = json.loads(shown.stdout)
        found[name] = {_number(entry["key"]): _number(entry["value"]) for entry in entries if "value" in entry}
    return found


def _number(value: object) -> int:
    """bpftool prints bytes where it has no BTF."""
    return int.from_bytes([int(str(byte), 16) for byte in value], "little") if isinstance(value, list) else int(value)  # type: ignore[call-overload]


def program_id(pins: Pins, name: str) -> int:
    shown = pins.run(str(BPFTOOL), "-j", "prog", "show", "pinned", pins.folder / "it" / name)
    return int(json.loads(shown.stdout)["id"])


def test_arrays_of_programs(pins: Pins, tmp_path: Path) -> None:
    module = import_file(Path(__file__).parent / "test_prog_arrays.py")
    found = loaded(pins, tmp_path, module.parse, ["parsers", "again"])
    assert found["parsers"] == {6: program_id(pins, "parse_tcp"), 17: program_id(pins, "parse_udp")}
    assert found["again"] == {0: program_id(pins, "count_down")}


def test_maps_of_maps(pins: Pins, tmp_path: Path) -> None:
    module = import_file(Path(__file__).parent / "test_maps_of_maps.py")
    found = loaded(pins, tmp_path, module.changed, ["fixed"])
    assert found["fixed"] == {0: map_id(pins, "first"), 2: map_id(pins, "second")}


def map_id(pins: Pins, name: str) -> int:
    shown = pins.run(str(BPFTOOL), "-j", "map", "show", "pinned", pins.folder / "maps" / name)
    return int(json.loads(shown.stdout)["id"])


def test_timers_and_storage(pins: Pins, tmp_path: Path) -> None:
    """libbpf finds the callbacks, and what maps with timers are made of."""
    timed = import_file(Path(__file__).parent / "test_timers.py")
    assert loaded(pins, tmp_path, timed.remember, []) == {}
    shown = json.loads(pins.run(str(BPFTOOL), "-j", "map", "dump", "pinned", pins.folder / "maps" / "flows").stdout)
    assert shown == []


def test_storage_on_objects(pins: Pins, tmp_path: Path) -> None:
    stored = import_file(Path(__file__).parent / "test_object_storage.py")
    assert loaded(pins, tmp_path, stored.in_cgroup, []) == {}
    shown = json.loads(pins.run(str(BPFTOOL), "-j", "map", "show", "pinned", pins.folder / "maps" / "tasks").stdout)
    assert shown["type"] in ("cgrp_storage", 32) and shown["bytes_value"] == 16  # an older bpftool has no name for it
