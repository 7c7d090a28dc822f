"""`python_stack()`: what it finds is what `sys._getframe` finds in the process, in every CPython that is here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import import_file
from python_programs import CALLS, WAYS, Told, pythons, told
from run_cli import SAMPLES

import pyebpf
from pyebpf.library.python_frames import DEPTH
from pyebpf.object.specs import Object

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
GETPPID = 110 if os.uname().machine == "x86_64" else 173
PROGRAM = f"""
from pyebpf import *
stacks = Stacks(max_entries=4096)
mixed = Stacks(max_entries=4096)
target = Global[u32](0)

@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() == target.value and ctx.args[1] == {GETPPID}:
        stacks[python_stack()] += 1
        mixed[cpu(), user_stack(), python_stack(), kernel_stack()] += 1
"""
Calls = list[tuple[str, str, int]]


@pytest.fixture(params=sorted(pythons()), ids=lambda version: "{}.{}".format(*version))
def python(request: pytest.FixtureRequest) -> str:
    return pythons()[request.param]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("python_stacks") / "probe.py"
    path.write_text(PROGRAM)
    return import_file(path)


@pytest.fixture(scope="module")
def compiled(module: ModuleType) -> Object:
    return pyebpf.compile(module)


@pytest.fixture(scope="module")
def loaded(compiled: Object) -> Iterator[pyebpf.Session]:
    with pyebpf.load(compiled) as session:
        yield session


@pytest.fixture
def session(loaded: pyebpf.Session) -> pyebpf.Session:
    """One in which nothing is counted yet."""
    loaded.variables["target"].value = 0
    for name in ("stacks", "mixed"):
        loaded.maps[name].clear()
    return loaded


def watch(session: pyebpf.Session, pid: int) -> None:
    """Count that process's stacks, from when it is known to be Python's."""
    session.symbols.user(pid, [1])  # what has been told of it until now is taken up
    session.variables["target"].value = pid


def found(session: pyebpf.Session, name: str = "stacks") -> list[Calls]:
    """The stacks that were counted, but for frames that aren't Python's; and then none are."""
    view = session.maps[name]
    stacks = [
        [(frame.name, frame.file, frame.line) for frame in each.frames if frame.kind == "python"]
        for each in view.counts()
    ]
    view.clear()
    return stacks


def test_this_interpreter_is_tried() -> None:
    assert pythons() and (sys.version_info < (3, 11) or sys.version_info[:2] in pythons())


@pytest.fixture
def process(session: pyebpf.Session, python: str) -> Iterator[Told]:
    with told(python) as process:
        watch(session, process.pid)
        yield process


def test_every_way(session: pyebpf.Session, process: Told) -> None:
    for way in WAYS:
        expected = process.go([way])
        assert expected[0][0] == "bottom" and len(expected) >= 4, way
        assert found(session) == [expected], way
        assert found(session, "mixed") == [expected], way


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ways=st.lists(st.sampled_from(WAYS), max_size=12))
def test_all_ways_together(session: pyebpf.Session, process: Told, ways: list[str]) -> None:
    expected = process.go(ways)
    assert found(session) == [expected[:DEPTH]]


def test_the_innermost_of_many(session: pyebpf.Session, process: Told) -> None:
    expected = process.go(["plain"] * 60)
    assert len(expected) > DEPTH
    assert found(session) == [expected[:DEPTH]]


def test_children(session: pyebpf.Session, python: str) -> None:
    """By fork, whose functions are at the same places."""
    begin = "print(os.getpid(), flush=True)"
    text = CALLS.replace(begin, f"if os.fork():\n    os._exit(os.wait()[1])\n{begin}")
    with told(python, text=text) as process:
        watch(session, process.pid)
        assert [process.go(["thread", "from_c"])] == found(session)


def test_namespaces(session: pyebpf.Session, python: str) -> None:
    """In which its numbers are others, for itself as for the interpreter."""
    with told(python, "unshare", "--pid", "--fork", "--mount-proc") as process:
        assert process.pid == 1
        children = Path(f"/proc/{process.started}/task/{process.started}/children")
        [outer] = map(int, children.read_text().split())
        watch(session, outer)
        assert [process.go(["thread", "generators"])] == found(session)


def test_those_that_are_gone(session: pyebpf.Session, python: str) -> None:
    with told(python) as process:
        watch(session, process.pid)
        expected = process.go(["größe", "class_body"])
    assert not Path(f"/proc/{process.pid}").exists()
    assert found(session) == [expected]


def test_those_that_were_there_before(compiled: Object, python: str) -> None:
    with told(python) as process, pyebpf.load(compiled) as session:
        watch(session, process.pid)
        assert [process.go(["partial"])] == found(session)


def test_another_program_in_its_place(session: pyebpf.Session, python: str) -> None:
    """By exec: no Python any more, and then one again, of which nothing is what it was."""
    shell = f'read line; exec {python} -S -c "$CALLS"'
    text = f"import os\nprint(os.getpid(), flush=True)\nos.read(0, 1)\nos.execv('/bin/sh', ['sh', '-c', {shell!r}])"
    with told(python, text=text, env=os.environ | {"CALLS": CALLS}) as process:
        process.say("")
        process.say("")
        assert int(process.line()) == process.pid
        watch(session, process.pid)
        assert [process.go(["generators"])] == found(session)


def test_what_finds_no_room(compiled: Object, python: str) -> None:
    with pyebpf.load(compiled, entries={"__pyebpf_python_stacks": 2}) as session, told(python) as process:
        watch(session, process.pid)
        stacks = session.maps["stacks"]
        for number in range(5):
            process.go(["plain"] * number)
        assert (stacks.total, stacks.dropped) == (2, 3)
        assert len(stacks.counts()) == 2


def test_processes_of_others_have_none(session: pyebpf.Session) -> None:
    """The key is there, and so is the count."""
    watch(session, os.getpid())
    session.variables["target"].value = 0
    with subprocess.Popen(["sh", "-c", "read line; exit 0"], stdin=subprocess.PIPE) as process:
        session.variables["target"].value = process.pid
        session.symbols.user(process.pid, [1])
        process.communicate(b"\n")
    assert all(not each.frames for each in session.maps["stacks"].counts())


def test_as_a_mapping(session: pyebpf.Session, process: Told) -> None:
    expected = process.go(["from_c"])
    process.go(["from_c"])
    [(key, count)] = session.maps["stacks"].items()
    assert count == 2 and [(frame.name, frame.file, frame.line) for frame in key] == expected
    [(parts, _)] = session.maps["mixed"].items()
    assert len(parts) == 4 and parts[2] == key and isinstance(parts[1][0], int)
    [each] = session.maps["mixed"].growth()
    assert [frame.name for frame in each.frames if frame.kind == "kernel"]
    assert session.maps["mixed"].growth() == []


def test_the_sample(tmp_path: Path, python: str) -> None:
    """From the command line: the picture has the functions of a program that knows nothing of it, and the kernel's."""
    busy = "def inner():\n    open('/proc/self/stat').read()\ndef outer():\n    while True: inner()\nouter()"
    svg, folded = tmp_path / "flames.svg", tmp_path / "flames.folded"
    with subprocess.Popen([python, "-S", "-c", busy]) as process:
        try:
            options = ["--attach", f"sample=pid:{process.pid},hz:999", "--for", "1", "--svg", svg, "--folded", folded]
            command = [sys.executable, "-m", "pyebpf", "run", SAMPLES / "python_flames.py", *options]
            subprocess.run(list(map(str, command)), cwd=SAMPLES.parent, check=True, capture_output=True)
        finally:
            process.kill()
    counts = dict(line.rsplit(" ", 1) for line in folded.read_text().splitlines())
    inside = sum(int(count) for stack, count in counts.items() if ";<module>;outer;inner" in stack)
    assert inside > 0.8 * sum(map(int, counts.values())) > 100
    assert any(";outer;inner;" in stack and "sys_read" in stack for stack in counts), counts
    texts = "".join(ElementTree.parse(svg).getroot().itertext())
    assert "outer" in texts and "<string>:3" in texts
