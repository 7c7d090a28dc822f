"""Functions of running C++ programs: by the names that were written, in stacks and in pictures of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from waiting_programs import running

from pyebpf.pictures.flame import flame_graph
from pyebpf.pictures.folded import folded
from pyebpf.pictures.frames import StackCount
from pyebpf.pictures.speedscope import speedscope
from pyebpf.symbols import Symbols

SOURCE = r"""
#include <cstdio>
#include <unistd.h>
namespace shop {
template <typename T> struct Till {
  __attribute__((noinline)) T pay(T price, int times) { return price * times; }
  __attribute__((noinline)) T pay(T price) { return price; }
};
}
template <typename M> void *place(M method) {
  union { M method; void *place; } both{method};
  return both.place;
}
extern "C" __attribute__((noinline)) int _Zero(int number) { return number + 1; }
int main(int count, char **) {
  using Numbers = shop::Till<long>;
  long (Numbers::*two)(long, int) = &Numbers::pay;
  long (Numbers::*one)(long) = &Numbers::pay;
  auto *counted = +[](int by) { return by * 3; };
  printf("%p %p %p %p\n", place(two), place(one), (void *)counted, (void *)_Zero);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0);
  return _Zero(count) & 1;
}
"""
NAMES = ["shop::Till<long>::pay", "shop::Till<long>::pay", "main::{lambda(int)#1}::_FUN", "_Zero"]
SYMBOLS = ["_ZN4shop4TillIlE3payEli", "_ZN4shop4TillIlE3payEl", "_ZZ4mainENUliE_4_FUNEi", "_Zero"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    subprocess.run(["g++", "-O1", "-x", "c++", "-", "-o", path], input=SOURCE.encode(), check=True)
    return path


def test_names_are_those_that_were_written(program: Path) -> None:
    with Symbols() as symbols, running(program) as (pid, addresses):
        frames = [symbols.user(pid, [address])[0] for address in addresses]
        assert [frame.name for frame in frames] == NAMES
        assert [frame.symbol for frame in frames] == SYMBOLS
        assert {(frame.kind, frame.offset) for frame in frames} == {("user", 0)}


def test_pictures_show_them(program: Path) -> None:
    with Symbols() as symbols, running(program) as (pid, addresses):
        frames = tuple(symbols.user(pid, [address])[0] for address in addresses)
    stacks = [StackCount((), frames[:1], 2), StackCount((), frames[1:3], 3)]
    assert "shop::Till<long>::pay 2" in folded(stacks).splitlines()
    assert '"name":"main::{lambda(int)#1}::_FUN"' in speedscope(stacks)
    drawn = str(flame_graph(stacks, title="pay"))
    assert "shop::Till&lt;long&gt;::pay" in drawn and "_ZN" not in drawn
