"""Fixtures of the tests that run on the live kernel: places to attach to, made here, and gone afterwards."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from run_kernel import bpf_ids, cgroup_mount, enter_network, left_over, unshare_network
from run_network import Wire, add_veth, set_up

ROOT = Path(__file__).parents[2]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kernel: loads programs into the running kernel; needs root")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    reason = "loading BPF programs needs root" if os.geteuid() else ""
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.kernel)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def sample() -> Callable[[str], ModuleType]:
    """Import a sample afresh, as a program that embeds it would."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, ROOT / "samples" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A veth pair in a network namespace of its own, in which the test runs, and what it starts."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare_network()
        try:
            add_veth("inside", "outside")
            set_up("inside")
            set_up("outside")
            yield Wire("inside", "outside")
        finally:
            enter_network(before)
    finally:
        os.close(before)


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup of its own. What is put into it must have ended when the test does."""
    mount = cgroup_mount()
    if mount is None:
        pytest.skip("cgroup v2 is not mounted")
    folder = mount / f"pyebpf-test-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        folder.rmdir()


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """When the test is over, every program, map and link that it made is gone."""
    before = bpf_ids()
    yield
    assert not left_over(before)


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[[str], Path]:
    """The object of a sample, compiled by the command line."""

    def compile(name: str) -> Path:
        out = tmp_path / f"{name}.o"
        command = [sys.executable, "-m", "pyebpf", "compile", str(ROOT / "samples" / f"{name}.py"), "-o", str(out)]
        subprocess.run(command, cwd=ROOT, check=True)
        return out

    return compile
