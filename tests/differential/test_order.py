"""Operands are evaluated from left to right, and keep what they were."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyebpf
from pyebpf.compiler import lower_target
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.simulator.surroundings import Surroundings

pytestmark = pytest.mark.kernel

DROP = 1
DECLARATIONS = """\
@struct
class Named:
    name: char[4]
    size: u32

table = Hash[char[4], u64](max_entries=16)
out = Global[u64](0)

@function
def change(named):
    named.name = "new"
    return 1

@function
def which(name, other):
    return 1 if name == "old" else 2 if name == "new" else 3
"""


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        ("out.value = which(s.name, change(s))", 1),
        ("out.value = which(other=change(s), name=s.name)", 2),
        ("out.value = which(name=s.name, other=change(s))", 1),
        ("n: char[4] = 'old'; out.value = which(n, (n := 'new')) * 10 + which(n, 0)", 12),
        ("out.value = s.name == 'new' or s.name in (renamed(s), 'old')", 1),
        ("out.value = s.name == 'old' == renamed(s)", 0),
        ("n, size = s.name, change(s); out.value = which(n, size) * 10 + which(s.name, size)", 12),
        ("t = Named(name=s.name, size=change(s)); out.value = which(t.name, 0) * 10 + which(s.name, 0)", 12),
        ("table[s.name] += change(s); out.value = table['old'] + 2 * ('new' in table)", 1),
        ("table[s.name] = change(s); out.value = table['new'] + 2 * ('old' in table)", 1),
        ("table['old'] = 5; out.value = table.get(s.name, change(s))", 5),
        ("table['old'] = 5; table['old'] += table.pop('old', 7); out.value = table['old']", 10),
        ("table['old'] = 5; table['old'] += table.pop('new', 7); out.value = table['old']", 12),
    ],
)
def test_text_before_it_is_changed(load, statement: str, result: int) -> None:  # type: ignore[no-untyped-def]
    probe = load(f"""
{DECLARATIONS}

@function
def renamed(named):
    named.name = "new"
    return named.name

@xdp
def probe(packet):
    s = Named(name="old")
    {statement}
    return XDP.DROP
""")
    assert probe.run() == DROP
    assert probe.out() == result


def test_printed_text_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(f"""
from pyebpf import Global, Hash, XDP, char, function, struct, u32, u64, xdp

{DECLARATIONS}

@xdp
def probe(packet):
    s = Named(name="old")
    print(s.name, change(s), f"{{s.name}}")
    return XDP.DROP
""")
    with pyebpf.load(path, attach=False) as session:
        session.programs["probe"].test_run(bytes(64))
        assert session.prints.poll() == ["old 1 new"]
    simulation = Simulation(lower_target(path).module)
    assert simulation.run("probe", Input(Surroundings(), bytes(64))).printed == ("old 1 new",)
