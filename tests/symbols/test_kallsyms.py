"""Names of the kernel's functions, its modules', and those of BPF programs."""

from __future__ import annotations

import os
import warnings
from bisect import bisect_right
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyebpf
from pyebpf import socket_filter
from pyebpf.loader.errors import LoadWarning
from pyebpf.symbols import Symbols
from pyebpf.symbols.kallsyms import FURTHEST, KernelSymbols

TABLE = """\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000100 t one
ffffffff81000100 T one_alias
ffffffff81000180 D data_between
ffffffff81000200 W weak
ffffffff81001000 T _etext
ffffffff81400000 D jiffies
ffffffff83000000 T _sinittext
ffffffff83000000 t start_it
ffffffff83000800 T _einittext
ffffffffc0400100 t second\t[nf_tables]
ffffffffc0400000 t first\t[nf_tables]
ffffffffc0500000 d not_code\t[other]
ffffffffc0500010 t code\t[other]
ffffffffc0600000 t bpf_prog_0123456789abcdef_probe\t[bpf]
"""
LOADED = """\
nf_tables 4096 1 nft_chain, Live 0xffffffffc0400000
other 8192 0 - Live 0xffffffffc0500000 (OE)
"""


@socket_filter
def a_program_with_a_name(skb):
    return 0


def known(tmp_path: Path, table: str = TABLE, modules: str = LOADED) -> KernelSymbols:
    (tmp_path / "kallsyms").write_text(table)
    (tmp_path / "modules").write_text(modules)
    return KernelSymbols(str(tmp_path / "kallsyms"), str(tmp_path / "modules"))


def at(symbols: KernelSymbols, address: int) -> tuple[str, str, int]:
    frame = symbols.frame(address, False)
    assert frame.address == address
    assert frame.kind == ("unknown" if frame.name == "[unknown]" else "kernel")
    return frame.name, frame.module, frame.offset


def test_each_address_belongs_to_the_function_that_begins_before_it(tmp_path: Path) -> None:
    symbols = known(tmp_path)
    assert at(symbols, 0xFFFFFFFF81000000) == ("_stext", "[kernel]", 0)
    assert at(symbols, 0xFFFFFFFF810000FF) == ("_stext", "[kernel]", 0xFF)
    assert at(symbols, 0xFFFFFFFF81000100) == ("one", "[kernel]", 0)
    assert at(symbols, 0xFFFFFFFF810001FF) == ("one", "[kernel]", 0xFF)
    assert at(symbols, 0xFFFFFFFF81000FFF) == ("weak", "[kernel]", 0xDFF)
    assert at(symbols, 0xFFFFFFFF83000004) == ("_sinittext", "[kernel]", 4)
    assert at(symbols, 0xFFFFFFFFC0400005) == ("first", "[nf_tables]", 5)
    assert at(symbols, 0xFFFFFFFFC0400105) == ("second", "[nf_tables]", 5)
    assert at(symbols, 0xFFFFFFFFC0500010) == ("code", "[other]", 0)
    assert at(symbols, 0xFFFFFFFFC0600080) == ("bpf_prog_0123456789abcdef_probe", "[bpf]", 0x80)


@pytest.mark.parametrize(
    "address",
    [
        *(0, 0x1000, 0xFFFFFFFF80FFFFFF, 0xFFFFFFFF81001000, 0xFFFFFFFF81400000, 0xFFFFFFFF83000800),
        *(0xFFFFFFFFC03FFFFF, 0xFFFFFFFFC0401000, 0xFFFFFFFFC0502000, 0xFFFFFFFFC0600000 + FURTHEST, 2**64 - 1),
    ],
)
def test_what_lies_outside_of_all_code_is_unknown(tmp_path: Path, address: int) -> None:
    assert at(known(tmp_path), address) == ("[unknown]", "", 0)


def test_where_control_returns_to_belongs_to_the_call_before(tmp_path: Path) -> None:
    frame = known(tmp_path).frame(0xFFFFFFFF81000200, True)
    assert (frame.name, frame.offset, frame.address) == ("one", 0x100, 0xFFFFFFFF81000200)


@pytest.mark.kernel
def test_the_kernels_own_functions_as_a_list_would_find_them() -> None:
    rows = [line.split() for line in Path("/proc/kallsyms").read_text().splitlines()]
    own = [(int(row[0], 16), row[2]) for row in rows if row[1] in "tTwW" and len(row) == 3]
    first: dict[int, str] = {}
    for address, name in own:
        first.setdefault(address, name)
    starts = sorted(first)
    end = next(address for address, name in own if name == "_etext")
    wanted = [start + back for start in starts[:: len(starts) // 500] for back in (0, 1, -1)]
    wanted = [address for address in wanted if starts[0] <= address < end]
    assert len(wanted) > 1000
    symbols = Symbols()
    for address in wanted:
        start = starts[bisect_right(starts, address) - 1]
        [frame] = symbols.kernel([address])
        assert (frame.name, frame.offset) == (first[start], address - start)
    symbols.close()


@pytest.mark.kernel
def test_programs_that_were_loaded_later_are_found() -> None:
    with Symbols() as symbols:
        assert symbols.kernel([int(_lines(" T _stext")[0].split()[0], 16)])[0].kind == "kernel"  # it has read its table
        with pyebpf.load(a_program_with_a_name, attach=False):
            [line] = _lines("_a_program_with_a_name\t[bpf]")
            symbols._kernel._wait = 0
            [frame] = symbols.kernel([int(line.split()[0], 16) + 4])
    assert (frame.name, frame.module, frame.offset, frame.kind) == (line.split()[2], "[bpf]", 4, "kernel")


def _lines(ending: str) -> list[str]:
    return [line for line in Path("/proc/kallsyms").read_text().splitlines() if line.endswith(ending)]


@pytest.mark.kernel
def test_it_can_be_read_after_privileges_are_gone() -> None:
    text = int(_lines(" T _stext")[0].split()[0], 16)
    symbols = Symbols()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            assert Path("/proc/kallsyms").read_text().startswith("0000000000000000 ")
            code = 0 if symbols.kernel([text])[0].kind == "kernel" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    symbols.close()


def test_hidden_addresses_are_said_once(tmp_path: Path) -> None:
    hidden = "".join(f"0000000000000000 {line.split(' ', 1)[1]}\n" for line in TABLE.splitlines())
    symbols = known(tmp_path, hidden, LOADED.replace("ffffffffc0", "0000000000"))
    with pytest.warns(LoadWarning, match=r"takes CAP_SYSLOG, or `sysctl kernel\.kptr_restrict=0"):
        assert at(symbols, 0xFFFFFFFF81000100) == ("[unknown]", "", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert at(symbols, 0xFFFFFFFF81000200) == ("[unknown]", "", 0)
        symbols.check()
    with pytest.warns(LoadWarning):
        known(tmp_path, hidden).check()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known(tmp_path).check()


@given(
    st.lists(st.sampled_from([*TABLE.splitlines(), "", "x", " ", "zz T a", "ffffffff81000300 t \x7f\u202e\x1b[0m"])),
    st.text(alphabet=" \n\tTt0f[]", max_size=40),
    st.integers(0, 2**64 - 1) | st.sampled_from([int(line.split()[0], 16) + 1 for line in TABLE.splitlines()]),
)
def test_any_text_is_gone_through(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], more: str, address: int
) -> None:
    symbols = known(tmp_path_factory.mktemp("table"), "\n".join(lines) + more, more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = symbols.frame(address, False)
    assert frame.name.isprintable()
    symbols.close()
