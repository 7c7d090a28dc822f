"""The kernel's configuration in probes: known when they are loaded, here, by libbpf, and in the simulator."""

from __future__ import annotations

import gzip
import os
import platform
import re
from pathlib import Path

import pytest
from pins import BPFTOOL, Pins

import pyebpf
from pyebpf import XDP, Array, Global, char, u64, xdp
from pyebpf.kconfig import (
    CONFIG_BPF,
    CONFIG_DEFAULT_HOSTNAME,
    CONFIG_HZ,
    CONFIG_KNOWN_TO_NOBODY,
    LINUX_HAS_BPF_COOKIE,
    LINUX_KERNEL_VERSION,
)
from pyebpf.loader.externs import parse_config
from pyebpf.testing import Simulator

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
CONFIGURATION = Path("/proc/config.gz")
shown = pytest.mark.skipif(not CONFIGURATION.exists(), reason="this kernel doesn't show its configuration")
seen = Array[u64](max_entries=6)
name = Global[char[64]]()


@xdp
def look(packet):
    if CONFIG_KNOWN_TO_NOBODY:
        seen[5] = 1
    seen[0] = CONFIG_HZ
    seen[1] = LINUX_KERNEL_VERSION
    if CONFIG_BPF:
        seen[2] = CONFIG_BPF
    if LINUX_HAS_BPF_COOKIE and LINUX_KERNEL_VERSION >= 0x50F00:
        seen[3] = 1_000 // CONFIG_HZ
    name.value = CONFIG_DEFAULT_HOSTNAME
    return XDP.PASS


@xdp
def version(packet):
    return XDP.PASS if LINUX_KERNEL_VERSION >= 0x50000 else XDP.DROP


def known() -> dict[str, str]:
    return parse_config(gzip.decompress(CONFIGURATION.read_bytes()).decode())


@shown
def test_what_the_kernel_says() -> None:
    with pyebpf.load(look, attach=False) as session:
        session.programs["look"].test_run(bytes(64))
        major, minor, patch = map(int, re.findall(r"\d+", platform.release())[:3])
        hertz = int(known()["CONFIG_HZ"])
        assert list(seen) == [hertz, major << 16 | minor << 8 | patch, 1, 1_000 // hertz, 0, 0]
        assert f'"{name.value}"' == known()["CONFIG_DEFAULT_HOSTNAME"]
        assert not session.faults


def test_what_is_given() -> None:
    given = {"CONFIG_HZ": 100, "LINUX_KERNEL_VERSION": 0x50F07, "CONFIG_BPF": True, "CONFIG_DEFAULT_HOSTNAME": "here"}
    given |= {"LINUX_HAS_BPF_COOKIE": True, "CONFIG_KNOWN_TO_NOBODY": False}
    with pyebpf.load(look, attach=False, config=given) as session:
        session.programs["look"].test_run(bytes(64))
        assert (list(seen), name.value) == ([100, 0x50F07, 1, 10, 0, 0], "here")


def test_in_the_simulator() -> None:
    with Simulator() as simulate:
        simulate.load(look, config={"CONFIG_HZ": 250, "CONFIG_KNOWN_TO_NOBODY": 2})
        assert simulate(look, packet=bytes(64)).result == XDP.PASS
        assert list(seen) == [250, 0, 0, 0, 0, 1]


def test_the_version_needs_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    with pyebpf.load(version, attach=False) as session:
        assert session.programs["version"].test_run(bytes(64)).result == XDP.PASS
    with pytest.raises(pyebpf.LoadError, match=r"neither /boot/config-.* nor /proc/config\.gz"):
        pyebpf.load(look, attach=False)


def test_what_cannot_be() -> None:
    with pytest.raises(pyebpf.LoadError, match="CONFIG_HZ"):
        pyebpf.load(look, attach=False, config={"CONFIG_HZ": "quick"})
    with pytest.raises(ImportError):
        from pyebpf.kconfig import HZ  # noqa: F401


@shown
@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
def test_libbpf_finds_them(pins: Pins, tmp_path: Path) -> None:
    path = tmp_path / "probe.o"
    pyebpf.compile(look).save(path)
    done = pins.run(str(BPFTOOL), "prog", "loadall", path, pins.folder / "it")
    assert done.returncode == 0, done.stderr
