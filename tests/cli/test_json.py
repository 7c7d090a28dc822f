"""With --json standard output is JSON, whatever happens: programs read it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from command_line import SAMPLES, pyebpf
from run_kernel import drop_capabilities

TALKING = """
import os
from pyebpf import tracepoint
print("hi from the module")
os.system("echo hi from a child")

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    pass
"""


@pytest.fixture
def talking(tmp_path: Path) -> Path:
    path = tmp_path / "talking.py"
    path.write_text(TALKING)
    return path


def documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_the_module_prints_goes_to_standard_error(talking: Path) -> None:
    done = pyebpf("check", talking, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["programs"][0]["name"] == "probe"
    assert done.stderr == "hi from the module\nhi from a child\n"
    assert pyebpf("check", talking).stdout.startswith("hi from the module\nhi from a child\n")


def test_nothing_comes_before_an_object_on_standard_output(talking: Path, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        assert pyebpf("compile", talking, "-o", "-", stdout=out).returncode == 0
    assert (tmp_path / "out").read_bytes().startswith(b"\x7fELF")
    done = pyebpf("compile", talking, "--emit", "ir")
    assert done.stdout.startswith("probe(ctx)") and done.stderr == "hi from the module\nhi from a child\n"


@pytest.mark.kernel
def test_run_prints_documents_only(talking: Path) -> None:
    done = pyebpf("run", talking, "--json", "--for", "0.1")
    assert done.returncode == 0 and done.stderr.startswith("hi from the module\nhi from a child\n")
    assert documents(done.stdout)[-1].keys() == {"maps", "variables", "dropped", "faults"}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("text", ["def (", TALKING + "    pidd()\n", "raise ValueError", "import sys; sys.exit(0)"])
def test_mistakes_are_diagnostics(tmp_path: Path, command: str, text: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(text.replace("print(", "str(").replace("os.system(", "str("))
    done = pyebpf(command, path, "--json")
    assert done.returncode == 1 and done.stderr == ""
    [found] = json.loads(done.stdout)["diagnostics"]
    assert found["file"] == str(path) and found["code"].startswith("E")
    assert command == "check" or len(done.stdout.splitlines()) == 1, "a document per line"


@pytest.mark.parametrize("command", ["inspect", "run"])
def test_what_is_no_object_is_an_error(tmp_path: Path, command: str) -> None:
    path = tmp_path / "nonsense.o"
    path.write_bytes(b"\x7fELF" + bytes(100))
    done = pyebpf(command, path, "--json")
    assert done.returncode == 1
    assert done.stderr == f"pyebpf: {json.loads(done.stdout)['error']}\n"


def test_types_that_are_none_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "types"
    path.write_bytes(bytes(100))
    for command in ("check", "run"):
        done = pyebpf(command, SAMPLES / "syscount.py", "--json", "--btf", path)
        assert done.returncode == 1 and json.loads(done.stdout)["error"] in done.stderr


def test_a_refusal_is_an_error_and_the_program_is_for_people(tmp_path: Path) -> None:
    arguments = ("run", SAMPLES / "syscount.py", "--for", "0.1")
    refused = pyebpf(*arguments, "--json", preexec_fn=drop_capabilities if os.geteuid() == 0 else None)
    assert refused.returncode == 3 and "on_syscall" in refused.stderr
    [document] = documents(refused.stdout)
    assert "CAP_BPF" in document["error"] and document["error"] in refused.stderr
    shown = pyebpf(*arguments, preexec_fn=drop_capabilities if os.geteuid() == 0 else None)
    assert "on_syscall" in shown.stdout
