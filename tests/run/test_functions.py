"""Functions of an object besides its programs: libbpf loads them too, and the kernel knows their lines of Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from pins import BPFTOOL, Pins

import pyebpf
from pyebpf.modules import load_module

SOURCE = """
from pyebpf import XDP, Global, Hash, function, u8, u32, u64, xdp

out = Global[u64](0)
table = Hash[u32, u64](max_entries=64)


@function
def mix(packet, a, b):
    x = packet.load(a & 31, u8)
    y = packet.load(b & 31, u8)
    x = (x * 31 + y) & 0xffff
    y = (y * 17 ^ x) & 0xffff
    x = (x * 13 + a) & 0xffff
    y = (y * 11 ^ b) & 0xffff
    x = (x * 31 + y) & 0xffff
    assert x != 7
    return x ^ y


@xdp
def probe(packet):
    total = mix(packet, packet.load(0, u8), packet.load(1, u8))
    total += mix(packet, packet.load(2, u8), packet.load(3, u8))
    total += mix(packet, packet.load(4, u8), packet.load(5, u8))
    total += mix(packet, packet.load(6, u8), packet.load(7, u8))
    for i in range(1_000_000):
        total += i & 3
    for key, value in table.items():
        total += value
    out.value = u64(total)
    return XDP.PASS
"""


@pytest.mark.kernel
@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
def test_bpftool_shows_the_lines_of_functions(tmp_path: Path, pins: Pins) -> None:
    assert BPFTOOL is not None
    path = tmp_path / "calling.py"
    path.write_text(SOURCE)
    elf = tmp_path / "calling.o"
    pyebpf.compile(load_module(path)).save(elf)
    done = pins.run(BPFTOOL, "prog", "loadall", elf, pins.folder / "calling")
    assert done.returncode == 0, done.stderr
    assert "BTF" not in done.stderr, done.stderr
    shown = pins.run(BPFTOOL, "prog", "dump", "xlated", "pinned", pins.folder / "calling" / "probe", "linum").stdout
    assert "long long probe__loop_27(unsigned long long round, void * frame):" in shown
    assert "long long probe__loop_29_1(void * map, void * key, void * value, void * frame):" in shown
    assert "long long probe__mix_0(void * frame):" in shown
    for text in ("x = packet.load(a & 31, u8)", "total += i & 3", "total += value"):
        assert any(text in line and "calling.py" in line for line in shown.splitlines()), text
