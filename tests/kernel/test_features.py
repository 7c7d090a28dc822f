"""What `pyebpf.features` finds here: the same as bpftool finds, as the tables say, and why not where it is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helper_facts import OTHERWISE
from pins import BPFTOOL
from run_kernel import become_nobody, in_child

from pyebpf.features import Features, probe, to_json
from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.least import LEAST_PROGRAMS
from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.versions import running_version

pytestmark = pytest.mark.kernel
CAP_BPF = 39


@pytest.fixture(scope="module")
def found() -> Features:
    return probe(anew=True)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pyebpf"


@pytest.mark.usefixtures("nothing_left")
def test_nothing_stays() -> None:
    network = os.readlink("/proc/self/ns/net")
    probe(anew=True)
    assert os.readlink("/proc/self/ns/net") == network


@pytest.mark.skipif(BPFTOOL is None, reason="needs bpftool")
def test_bpftool_finds_the_same(found: Features) -> None:
    said = subprocess.run([str(BPFTOOL), "feature", "probe", "kernel", "-j"], stdout=subprocess.PIPE, check=True).stdout
    theirs = json.loads(said)
    by_type: dict[str, bool] = {}
    for row in LEAST_PROGRAMS:
        name = f"have_{row.type.name.lower()}_prog_type"
        by_type[name] = by_type.get(name, False) or (not row.by_link and found[row.name].works)
    for name, there in theirs["program_types"].items():
        # It tries `tracing` and `ext` with targets of its own; `lsm` and `struct_ops` in ways that differ by version.
        if name in by_type and name not in (
            "have_tracing_prog_type",
            "have_lsm_prog_type",
            "have_struct_ops_prog_type",
        ):
            assert by_type[name] == there, name
    for name, there in theirs["map_types"].items():
        kind = name.removeprefix("have_").removesuffix("_map_type").upper()
        if kind != "STRUCT_OPS":
            assert found[kind].works == there, name


def test_helpers_are_as_the_table_says(found: Features) -> None:
    version = running_version()
    assert version is not None
    rows = {row.name: row for row in LEAST_PROGRAMS}
    assert len(found.helpers) > 30
    for kind, names in found.helpers.items():
        row = rows[kind]
        attach = None if row.type is ProgramType.STRUCT_OPS else row.attach
        for helper in HELPERS:
            since = helper.allowed_since(row.type, attach)
            if helper.name not in OTHERWISE and not helper.sleeps:
                assert (helper.name in names) == (since is not None and since <= version), (kind, helper.name)


def test_what_is_too_new_says_since_when(found: Features) -> None:
    version = running_version()
    assert version is not None
    newer = [feature for feature in found.features if feature.since and feature.since > version]
    assert newer and all(feature.why.startswith("needs Linux ") for feature in newer)


def test_without_privileges_it_says_which_are_missing() -> None:
    def child() -> dict[str, str]:
        become_nobody()
        os.environ["XDG_CACHE_HOME"] = "/nowhere"
        found = probe()
        return {name: found[name].why for name in ("xdp", "kprobe", "HASH", "TASK_STORAGE", "uprobe")}

    said = in_child(child)
    assert "this process lacks CAP_BPF, CAP_NET_ADMIN" in said["xdp"]
    assert "this process lacks CAP_BPF, CAP_PERFMON" in said["kprobe"] and "CAP_PERFMON" in said["uprobe"]
    assert "this process lacks CAP_BPF;" in said["HASH"] and "this process lacks CAP_BPF;" in said["TASK_STORAGE"]


def test_one_capability_allows_what_it_is_for() -> None:
    def child() -> dict[str, bool]:
        become_nobody([CAP_BPF])
        os.environ["XDG_CACHE_HOME"] = "/nowhere"
        found = probe()
        return {name: found[name].works for name in ("HASH", "socket_filter", "xdp", "kprobe")}

    assert in_child(child) == {"HASH": True, "socket_filter": True, "xdp": False, "kprobe": False}


def test_asked_once_for_each_boot_and_set_of_privileges(empty_cache: Path) -> None:
    first = probe()
    [kept] = empty_cache.glob("features-*.json")
    assert probe() == first and json.loads(kept.read_text()) == to_json(first)
    kept.write_text(kept.read_text().replace('"RINGBUF", "works": true', '"RINGBUF", "works": false'))
    kept.write_text(kept.read_text().replace('"kernel": "', '"kernel": "another '))
    assert probe().kernel.startswith("another ") and probe(anew=True) == first == probe()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"version": 1}', '{"version": 1, "program": 7}', '{"version": 0}'])
def test_a_spoilt_cache_is_asked_anew(empty_cache: Path, content: str) -> None:
    first = probe()
    [kept] = empty_cache.glob("features-*.json")
    kept.write_text(content)
    assert probe() == first


def test_as_a_command(found: Features) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pyebpf", "features", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert json.loads(run("--json").stdout) == to_json(found)
    shown = run().stdout
    assert "Maps: " in shown and "RINGBUF" in shown and "needs Linux" in shown
    assert "redirect_map" in run("xdp").stdout
    assert json.loads(run("ringbuf", "--json").stdout)["features"][0]["name"] == "RINGBUF"
    wrong = run("ringbuff")
    assert wrong.returncode == 2 and "did you mean RINGBUF?" in wrong.stderr
