"""The pytest plug-in. pytest imports it at every start, so it imports nothing until a test asks for it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyebpf.kernel.btf import Btf
    from pyebpf.simulator.coverage import Coverage
    from pyebpf.testing.simulator import Simulator

COVERAGE: pytest.StashKey[Coverage] = pytest.StashKey()
PLACE: pytest.StashKey[tuple[str, int]] = pytest.StashKey()
"""File and line of what can't be run in the kernel."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pyebpf", "tests of BPF probes")
    group.addoption("--bpf-coverage", action="store_true", help="show which lines of the simulated probes ran")
    group.addoption("--bpf-kernel", action="store_true", help="run the simulated probes in the running kernel")
    group.addoption("--bpf-btf", metavar="FILE", help="compile for the kernel whose types FILE has (BTF)")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--bpf-coverage"):
        from pyebpf.simulator.coverage import Coverage

        config.stash[COVERAGE] = Coverage()


@pytest.fixture
def simulate(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """Run a probe once, without a kernel: `simulate(firewall, packet=…).result`.

    Maps of the probe's module are live inside the test, and empty at its start.
    """
    from pyebpf.testing.simulator import Simulator

    config = request.config
    simulator = Simulator(
        btf=_btf(config),
        kernel=config.getoption("--bpf-kernel"),
        coverage=config.stash.get(COVERAGE, None),
    )
    with simulator:
        module = getattr(request, "module", None)
        simulator.watch(vars(module) if module is not None else {})
        yield simulator


def _btf(config: pytest.Config) -> Btf | None:
    path = config.getoption("--bpf-btf")
    if not path:
        return None
    from pyebpf.kernel.btf import Btf

    return Btf.from_file(os.fspath(path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """In fixtures as in tests."""
    return (yield from _skipping(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """With --bpf-kernel, what only the simulator can do is skipped, with the reason."""
    return (yield from _skipping(item))


def _skipping(item: pytest.Item) -> Generator[None, None, None]:
    if not item.config.getoption("--bpf-kernel"):
        return (yield)
    from pyebpf.testing.in_kernel import Unsuitable

    try:
        return (yield)
    except Unsuitable as error:
        path, line, _ = item.reportinfo()
        places = [(path, (line or 0) + 1)]
        for frame, number in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename == os.fspath(item.path):
                places.append((item.path, number))
        item.stash[PLACE] = os.fspath(places[-1][0]), places[-1][1]
        pytest.skip(f"--bpf-kernel: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What is skipped is skipped at the line of the test that can't be run, not here."""
    report = yield
    place = item.stash.get(PLACE, None)
    if place is not None and report.skipped and isinstance(report.longrepr, tuple):
        report.longrepr = (*place, report.longrepr[2])
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    coverage = config.stash.get(COVERAGE, None)
    if coverage is not None and coverage.executable:
        terminalreporter.section("coverage of probes")
        for line in coverage.report():
            terminalreporter.write_line(line)
