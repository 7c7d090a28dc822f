"""Fixtures of the tests that run on the live kernel: places to attach to, made here, and gone afterwards."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from run_kernel import bpf_ids, cgroup_mount, enter_mounts, enter_network, left_over, mount_privately, unshare_network
from run_network import Wire, add_veth, set_up


def import_file(path: Path) -> ModuleType:
    """Run a file as a module of its own, as a program that embeds it would."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], ModuleType]:
    """A module of the text that is given, behind `from pyebpf import *`."""

    def make(text: str) -> ModuleType:
        path = tmp_path / "program.py"
        path.write_text("from pyebpf import *\n" + text)
        return import_file(path)

    return make


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
def bpf_fs(tmp_path: Path) -> Iterator[Path]:
    """A bpf file system of its own, in a mount namespace of its own, in which the test runs, and what it starts."""
    folder = tmp_path / "bpf"
    folder.mkdir()
    home = os.getcwd()
    before = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        mount_privately("bpf", str(folder))
        try:
            yield folder
        finally:
            enter_mounts(before)
            os.chdir(home)
    finally:
        os.close(before)
