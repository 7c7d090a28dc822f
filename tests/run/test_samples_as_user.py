"""Each sample as an ordinary user, with exactly the capabilities that its first lines name, and with one fewer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from run_cli import SAMPLES
from run_cli import pyebpf as command
from run_kernel import become_nobody, have_inherited, in_child, let_users_start_python, mount_privately
from run_network import Wire

import pyebpf
from pyebpf.effort.needs import needs
from pyebpf.kernel.capabilities import CAPABILITIES
from pyebpf.kernel.versions import running_version

NAMES = sorted(path.stem for path in SAMPLES.glob("*.py"))
TRACEFS = "/sys/kernel/tracing"


def documented(name: str) -> set[str]:
    """The capabilities that a sample says it needs."""
    text = (SAMPLES / f"{name}.py").read_text()
    return set(re.findall(r"CAP_\w+", text.split('"""')[1]))


def needed(object: pyebpf.Object) -> tuple[str, ...]:
    """Those of this kernel; tracefs is root's alone where it was mounted without options."""
    found = needs(object, compiled=True)
    sometimes = [
        name for name, when in found.sometimes if when != "before Linux 6.6" or (running_version() or (0, 0)) < (6, 6)
    ]
    return (*found.always, *sometimes)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says(name: str) -> None:
    found = needs(pyebpf.compile(SAMPLES / f"{name}.py"), compiled=True)
    assert documented(name) == {*found.always, *(each for each, _ in found.sometimes)}


@pytest.fixture
def place(wire: Wire, cgroup: Path) -> Callable[[pyebpf.Object], dict[str, object]]:
    """Where the programs of an object go, by name: to a veth or a cgroup of the test's own."""
    places: dict[str, object] = {"interface": wire.inside, "cgroup directory": str(cgroup)}

    def find(object: pyebpf.Object) -> dict[str, object]:
        from pyebpf.kernel.hooks import hook_by_name

        hooks = {program.name: hook_by_name(program.hook) for program in object.programs}
        return {name: places[hook.where] for name, hook in hooks.items() if hook is not None and hook.where}

    return find


def tried(object: pyebpf.Object, names: tuple[str, ...], where: dict[str, object]) -> list[str]:
    """As nobody, with these: reason and text of what goes wrong."""

    def child() -> list[str]:
        mount_privately("tracefs", TRACEFS)
        become_nobody([CAPABILITIES[name] for name in names])
        try:
            with pyebpf.load(object, where=where) as session:
                assert len(session.links) == len(object.programs)
                for view in session.maps.values():
                    if hasattr(view, "items"):
                        list(view.items())
            return ["", ""]
        except pyebpf.LoadError as error:
            return [error.reason, str(error)]

    found: list[str] = in_child(child)
    return found


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", NAMES)
def test_these_are_enough_and_none_is_too_much(name: str, place: Callable[[pyebpf.Object], dict[str, object]]) -> None:
    object = pyebpf.compile(SAMPLES / f"{name}.py")
    where, names = place(object), needed(object)
    assert tried(object, names, where) == ["", ""]
    for one in names:
        reason, text = tried(object, tuple(each for each in names if each != one), where)
        assert reason == "privileges" and one in text, (one, text)


def as_user(*names: str) -> Callable[[], None]:
    """What makes a process an ordinary user's, with capabilities that it keeps when it becomes another program."""

    numbers = [CAPABILITIES[name] for name in names]

    def prepare() -> None:
        let_users_start_python()
        become_nobody(numbers)
        have_inherited(numbers)

    return prepare


@pytest.mark.usefixtures("nothing_left")
def test_the_command_line_as_a_user() -> None:
    sample = SAMPLES / "tcp_states.py"
    done = command("run", sample, "--for", "0.1", prepare=as_user("CAP_BPF", "CAP_PERFMON"))
    assert done.returncode == 0, done.stderr
    done = command("run", sample, "--for", "0.1", prepare=as_user("CAP_BPF"))
    assert done.returncode == 3 and "this process lacks CAP_PERFMON" in done.stderr
