"""Ports by every plan of the compiler, as if the ones before didn't do: they load, and give the same results."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from pyebpf import building
from pyebpf.compiler import compile_target, lower_target
from pyebpf.loader import sys
from pyebpf.loader.load import load_object
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.simulator.surroundings import Surroundings

pytestmark = pytest.mark.kernel
PROGRAMS = Path(__file__).parent / "programs"
PACKETS = [Random(f"plans:{number}").randbytes(80) for number in range(6)] + [bytes(80), b"{[[]]}" * 12]


@pytest.fixture(params=range(len(building.PLANS)))
def path_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(building, "PLANS", building.PLANS[request.param :])
    return PROGRAMS


@pytest.mark.parametrize("name", ["run_lengths", "square_roots", "json_depth", "vlan_stack"])
def test_results(path_of: Path, name: str) -> None:
    path = path_of / f"{name}.py"
    simulation = Simulation(lower_target(path).module)
    with load_object(compile_target(path)) as loaded:
        for packet in PACKETS:
            for program in loaded.programs.values():
                result, data = sys.prog_test_run(program.fd, packet, output_size=len(packet))[:2]
                output = simulation.run(program.spec.name, Input(Surroundings(), packet))
                assert (result, data) == (int(output.result), output.packet)


@pytest.mark.parametrize("name", ["family_tree", "request_tags"])
def test_pointers_and_references(path_of: Path, name: str) -> None:
    """What a task's reference, or a flag for a pointer, demands of every way through the program."""
    with load_object(compile_target(path_of / f"{name}.py")) as loaded:
        assert loaded.programs
