"""For all tests: the option that renews golden files; the kernel's tests may not be skipped where the kernel can."""

from __future__ import annotations

import os
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest
from congestion_control import names_alone  # noqa: F401
from golden import add_options
from pins import pins  # noqa: F401
from places import bpf_fs, cgroup, nothing_left, program, wire  # noqa: F401

from pyebpf.loader import sys as bpf


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)
    parser.addoption(
        "--artefacts",
        default=str(Path(__file__).parent / "artefacts"),
        metavar="FOLDER",
        help="where tests put pictures for people to look at",
    )


@cache
def kernel_takes_programs() -> bool:
    """Whether this process may load BPF programs: tried for real, with the smallest one there is (r0 = 0; exit)."""
    try:
        code = bytes([0xB7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])
        bpf.prog_load(1, code, "GPL", name="try").close()
    except OSError:
        return False
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("kernel"):
            item.add_marker(pytest.mark.xdist_group("kernel"))  # one after the other: they see what others leave there
    if kernel_takes_programs():
        return
    why = "run as root" if os.geteuid() else "this kernel, or its policy, takes no BPF programs"
    for item in items:
        if item.get_closest_marker("kernel"):
            item.add_marker(pytest.mark.skip(reason=f"loads BPF programs, which isn't allowed here: {why}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.get_closest_marker("kernel") and kernel_takes_programs():
        report.outcome = "failed"
        report.longrepr = f"skipped, though this kernel loads BPF programs: {report.longrepr}"
    return report
