"""Probes of several modules: helpers, structs, maps, variables and constants imported, and mistakes in what is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pyebpf
from pyebpf.compiler import check_target
from pyebpf.modules import load_module

NETLIB = '''\
"""Flows."""
from __future__ import annotations

import enum

from pyebpf import Global, Hash, PacketTooShort, IPv4, Ethernet, ETH_P_IP, function, struct, u16, u32, u64

LIMIT = 7


class Kind(enum.IntEnum):
    NONE = 0
    IP = 4


@struct
class Flow:
    packets: u64
    kind: "u32"
    ports: "u16[2]"


flows = Hash[u32, Flow](max_entries=16)
total = Global[u64](0)


@function
def count(key: "u32", by: u64 = LIMIT):
    total.value += by
    if key not in flows:
        flows[key] = Flow(kind=Kind.IP)
    flow = flows[key]
    flow.packets += by
    return flow
'''
PROBE = """\
from netlib import Flow, Kind, LIMIT, count, flows as seen
import netlib
import netlib as lib
from pyebpf import Global, Hash, XDP, u32, u64, xdp

flows = Hash[u32, u64](max_entries=4)
out = Global[u64](0)

@xdp
def probe(packet):
    flow = count(1)
    netlib.count(1, by=3)
    flows[2] = LIMIT
    out.value = flow.packets * 100 + lib.LIMIT * 10 + (seen[1].kind == Kind.IP) + 1000 * len(Flow().ports)
    return XDP.DROP
"""


@pytest.fixture(autouse=True)
def modules_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the tests import is gone afterwards."""
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]


def write(folder: Path, **files: str) -> Path:
    """Write files; the path of the probe."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "probe.py"


def mistakes(path: Path) -> str:
    with pytest.raises(pyebpf.CompileError) as caught:
        check_target(path)
    return str(caught.value)


@pytest.mark.kernel
def test_everything_is_imported(tmp_path: Path) -> None:
    path = write(tmp_path, netlib=NETLIB, probe=PROBE)
    with pyebpf.load(path, attach=False) as session:
        assert session.programs["probe"].test_run(bytes(64)).result == 1
        assert session.variables["out"].value == 2000 + 10 * 100 + 70 + 1
        assert session.variables["total"].value == 10
        assert dict(session.maps["flows"].items()) == {2: 7}
        assert session.maps["netlib_flows"][1].packets == 10


@pytest.mark.kernel
def test_declarations_of_imported_modules_are_live(tmp_path: Path) -> None:
    module = load_module(write(tmp_path, netlib=NETLIB, probe=PROBE))
    netlib = vars(module)["netlib"]
    with pyebpf.load(module, attach=False) as session:
        session.programs["probe"].test_run(bytes(64))
        assert netlib.total.value == 10
        assert netlib.flows[1].packets == 10
        assert vars(module)["flows"][2] == 7


def test_names_are_those_of_the_module_that_declares(tmp_path: Path) -> None:
    text = PROBE.replace("flows = Hash[u32, u64](max_entries=4)\n", "").replace("    flows[2] = LIMIT\n", "")
    compiled = pyebpf.compile(write(tmp_path, netlib=NETLIB, probe=text))
    assert {"flows"} <= {each.name for each in compiled.maps}
    assert not {"seen", "netlib_flows"} & {each.name for each in compiled.maps}


def test_maps_of_factories_and_tuples_have_names_of_their_own(tmp_path: Path) -> None:
    text = """\
from pyebpf import Array, Global, Hash, function, tracepoint, u32, u64

def counter(event, step):
    total = Global[u64](0)
    seen = Hash[u32, u64](max_entries=4)

    @tracepoint(f"raw_syscalls:{event}")
    def probe(ctx):
        total.value += step
        seen[1] += 1

    probe.__name__ = event
    return probe

enters, leaves = counter("sys_enter", 1), counter("sys_exit", 2)
tables = (Array[u64](max_entries=1), Array[u64](max_entries=2))

@tracepoint("raw_syscalls:sys_enter")
def both(ctx):
    for table in tables:
        table[0] += 1
"""
    compiled = pyebpf.compile(write(tmp_path, probe=text))
    assert {each.name for each in compiled.maps} >= {"seen", "seen_2", "tables_0", "tables_1"}


@pytest.mark.parametrize("command", ["check", "compile"])
def test_a_file_in_a_package(tmp_path: Path, command: str) -> None:
    probe = PROBE.replace("from netlib", "from .netlib").replace("import netlib as lib", "from . import netlib as lib")
    probe = probe.replace("import netlib\n", "from app.probes import netlib\nimport app.shared as shared\n")
    files = {"app/__init__": "", "app/probes/__init__": "", "app/shared": "SIZE = 3\n"}
    write(tmp_path, **files, **{"app/probes/netlib": NETLIB, "app/probes/probe": probe})
    arguments = [sys.executable, "-m", "pyebpf", command, "app/probes/probe.py"]
    arguments += ["-o", str(tmp_path / "out.o")] if command == "compile" else []
    paths = {"PYTHONPATH": str(Path(pyebpf.__file__).parent.parent), "HOME": str(tmp_path)}
    done = subprocess.run(arguments, cwd=tmp_path, env=paths, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_modules_of_the_same_name_in_two_folders(tmp_path: Path) -> None:
    found: list[ModuleType] = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        write(folder, netlib=NETLIB.replace("LIMIT = 7", f"LIMIT = {number}"), probe=PROBE)
        found.append(load_module(folder / "probe.py"))
    assert [vars(module)["LIMIT"] for module in found] == [1, 2]
    assert [vars(module)["netlib"].LIMIT for module in found] == [1, 2]


def test_mistake_in_an_imported_function(tmp_path: Path) -> None:
    path = write(tmp_path, netlib=NETLIB.replace("total.value += by", "total.value += byte"), probe=PROBE)
    text = mistakes(path)
    assert "name `byte` is not defined" in text
    assert f"{tmp_path / 'netlib.py'}:29:20" in text


def test_wrong_declaration_in_an_imported_module(tmp_path: Path) -> None:
    text = mistakes(write(tmp_path, netlib=NETLIB.replace('"u32"', '"u33"'), probe=PROBE))
    assert "field kind of struct Flow: name 'u33' is not defined" in text
    assert "netlib.py:19:5" in text


def test_wrong_map_in_an_imported_module(tmp_path: Path) -> None:
    text = mistakes(write(tmp_path, netlib=NETLIB.replace("max_entries=16", "entries=16"), probe=PROBE))
    assert "Hash has no option 'entries'" in text
    assert "netlib.py:23:" in text


def test_wrong_import_in_an_imported_module(tmp_path: Path) -> None:
    text = mistakes(write(tmp_path, netlib=NETLIB.replace("PacketTooShort", "PacketTooShrt"), probe=PROBE))
    assert "PacketTooShrt" in text
    assert "netlib.py:6:" in text


def test_imported_module_raises(tmp_path: Path) -> None:
    text = mistakes(write(tmp_path, netlib=NETLIB.replace("LIMIT = 7", "LIMIT = 1 // 0"), probe=PROBE))
    assert "ZeroDivisionError" in text
    assert "netlib.py:8:" in text


def test_imported_module_is_no_python(tmp_path: Path) -> None:
    text = mistakes(write(tmp_path, netlib=NETLIB.replace("LIMIT = 7", "LIMIT = = 7"), probe=PROBE))
    assert "netlib.py:8:" in text


def test_missing_module(tmp_path: Path) -> None:
    text = mistakes(write(tmp_path, probe=PROBE))
    assert "No module named 'netlib'" in text
    assert "probe.py:1:" in text


def test_module_has_no_such_name(tmp_path: Path) -> None:
    text = mistakes(write(tmp_path, netlib=NETLIB, probe=PROBE.replace("netlib.count(1, by=3)", "netlib.cout(1)")))
    assert "`netlib` has no attribute `cout`" in text
    assert "did you mean `count`?" in text


@pytest.mark.parametrize("call", ["sys.exit()", "sys.exit(0)", "exit(3)", "quit()"])
def test_imported_module_that_exits(tmp_path: Path, call: str) -> None:
    text = mistakes(write(tmp_path, netlib=NETLIB.replace("LIMIT = 7", f"import sys; {call}"), probe=PROBE))
    assert "SystemExit" in text
    assert "netlib.py:8:" in text


def test_an_interrupt_is_nobodys_mistake(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        check_target(write(tmp_path, probe="raise KeyboardInterrupt\n"))
