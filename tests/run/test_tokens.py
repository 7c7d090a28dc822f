"""BPF tokens (6.9): in a namespace of users, with what a bpf file system delegates to it, and without."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest
from run_cli import ROOT, SAMPLES
from user_namespaces import in_namespace

import pyebpf
from pyebpf.features import probe
from pyebpf.loader.token import VARIABLE, token_of

pytestmark = pytest.mark.usefixtures("nothing_left")
OPTIONS = ("delegate_cmds", "delegate_maps", "delegate_progs", "delegate_attachs")
ALL = MappingProxyType(dict.fromkeys(OPTIONS, "any"))
USUAL, ELSEWHERE = "/sys/fs/bpf", "/mnt"
PACKETS = """
counts = Hash[u32, u64](max_entries=4)
inner = HashOfMaps[u32, Hash[u32, u64](max_entries=4)](max_entries=2)
seen = Global[u64](0)

@xdp
def probe(packet):
    counts[1] += 1
    seen.value += 1
    return XDP.DROP
"""
TRACE = "@tp_btf('sched_process_exit')\ndef probe():\n    pass\n"
UPROBE = f"@uprobe({os.path.realpath('/usr/bin/python3')!r}, 'Py_BytesMain')\ndef probe():\n    pass\n"


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[[str], pyebpf.Object]:
    def make(text: str) -> pyebpf.Object:
        path = tmp_path / "probe.py"
        path.write_text(f"from pyebpf import *\n{text}")
        object = pyebpf.compile(path)
        with pyebpf.load(object, attach=False):  # imports what nobody else may be able to read
            pass
        return object

    return make


def loading(object: pyebpf.Object, where: str | None = None, **options: object) -> Callable[[], list[str]]:
    """What loads it; reason and text of what goes wrong."""

    def load() -> list[str]:
        try:
            places = None if where is None else {"probe": where}
            with pyebpf.load(object, where=places, **options) as session:  # type: ignore[arg-type]
                assert [link.program for link in session.links] == ["probe"]
                if "counts" in session.maps:
                    assert session.programs["probe"].test_run(bytes(64)).result == 1
                    assert session.maps["counts"].to_dict() == {1: 1} and session.variables["seen"].value == 1
            return ["", ""]
        except pyebpf.LoadError as error:
            return [error.reason, str(error)]

    return load


@pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")
@pytest.mark.parametrize(
    ("text", "where"), [(PACKETS, "lo"), (TRACE, None), (UPROBE, None)], ids=["xdp", "tp_btf", "uprobe"]
)
def test_what_is_delegated_can_be_loaded(
    compiled: Callable[[str], pyebpf.Object], text: str, where: str | None
) -> None:
    object = compiled(text)
    reason, said = in_namespace(loading(object, where))
    assert reason == "privileges" and "in a user namespace" in said and "BPF token" in said
    assert in_namespace(loading(object, where), USUAL, ALL) == ["", ""]  # found by itself
    assert in_namespace(loading(object, where, token=ELSEWHERE), ELSEWHERE, ALL) == ["", ""]
    for without in (loading(object, where, token=False), with_variable("", loading(object, where))):
        assert in_namespace(without, USUAL, ALL)[0] == "privileges"
    assert in_namespace(with_variable(ELSEWHERE, loading(object, where)), ELSEWHERE, ALL) == ["", ""]


def with_variable(value: str, function: Callable[[], list[str]]) -> Callable[[], list[str]]:
    def changed() -> list[str]:
        os.environ[VARIABLE] = value  # of this child's
        return function()

    return changed


@pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")
@pytest.mark.filterwarnings("ignore::pyebpf.loader.errors.LoadWarning")  # whose types aren't delegated
@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"delegate_cmds": "btf_load"}, "create map counts"),
        ({"delegate_maps": "array"}, "create map counts"),
        ({"delegate_progs": "socket_filter"}, "load program probe"),
        ({"delegate_attachs": "tcx_ingress"}, "load program probe"),
    ],
    ids=["commands", "maps", "programs", "attachments"],
)
def test_what_is_not_delegated_is_told(
    compiled: Callable[[str], pyebpf.Object], changed: dict[str, str], what: str
) -> None:
    reason, said = in_namespace(loading(compiled(PACKETS), "lo", token=ELSEWHERE), ELSEWHERE, {**ALL, **changed})
    assert reason == "privileges" and said.startswith(f"cannot {what}: the BPF token of {ELSEWHERE} doesn't delegate")
    assert next(iter(changed.values())) in said


def refused(path: str) -> Callable[[], list[str]]:
    def ask() -> list[str]:
        with pytest.raises(pyebpf.LoadError) as caught:
            token_of(path)
        return [caught.value.reason, str(caught.value)]

    return ask


@pytest.mark.parametrize(
    ("path", "delegated", "reason", "words"),
    [
        (ELSEWHERE, {}, "privileges", "nothing is delegated there (the mount options delegate_cmds, "),
        ("/mmt", ALL, "target", f"No such file or directory; did you mean {ELSEWHERE}?"),
        ("/proc", ALL, "target", "that is no bpf file system"),
        ("/etc/passwd", ALL, "target", "Not a directory"),
        ("nul\0", ALL, "target", "null byte"),
    ],
    ids=["nothing", "missing", "other", "file", "nul"],
)
def test_tokens_that_can_not_be_had(path: str, delegated: dict[str, str], reason: str, words: str) -> None:
    found, said = in_namespace(refused(path), ELSEWHERE, delegated)
    assert found == reason and said.startswith("cannot get a BPF token of ") and words in said


def test_the_machine_itself_has_none(bpf_fs: Path) -> None:
    assert token_of(None) is None and token_of(False) is None
    reason, said = refused(str(bpf_fs))()
    assert reason == "target" and "tokens are for namespaces of users" in said


def test_features_say_what_a_token_delegates() -> None:
    def asked() -> list[object]:
        found = probe(anew=True, token=ELSEWHERE)
        works = [found[name].works for name in ("xdp", "HASH", "socket_filter", "ARRAY")]
        return [works, found["ARRAY"].why, found.settings["BPF token"]]

    delegated = {
        "delegate_cmds": "any",
        "delegate_maps": "hash:ringbuf",
        "delegate_progs": "xdp",
        "delegate_attachs": "any",
    }
    works, why, setting = in_namespace(asked, ELSEWHERE, delegated)
    assert works == [True, True, False, False]
    assert why.startswith(f"the BPF token of {ELSEWHERE} doesn't delegate it: ")
    assert setting == f"of {ELSEWHERE}: commands any; maps hash, ringbuf; programs xdp; attachments any"


def test_the_command_line() -> None:
    def run() -> list[object]:
        command = [sys.executable, "-m", "pyebpf", "run", str(SAMPLES / "tcp_states.py"), "--for", "0.1"]
        found = []
        for options in (["--token", ELSEWHERE], []):
            done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
            found.append([done.returncode, done.stderr])
        return found

    (code, said), (other, refusal) = in_namespace(run, ELSEWHERE, ALL)
    assert code == 0, said
    assert other == 3 and "in a user namespace" in refusal
