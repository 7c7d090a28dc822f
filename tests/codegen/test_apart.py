"""Tests of pointers in optimised IR: which of them are hidden from what LLVM does later."""

from __future__ import annotations

import pytest

from pyebpf.codegen.apart import keep_apart

TESTS = """\
  %p = call ptr @look()
  %a = icmp ne ptr %p, null
  %q = call ptr @look()
  %b = icmp eq ptr %q, null
"""
ALONE = {
    "one choice": "  %x = select i1 %a, i64 64, i64 %n\n  ret i64 %x\n",
    "choices of their own": "  %x = select i1 %a, i64 64, i64 %n\n  %y = select i1 %b, i64 %n, i64 3\n  ret i64 %n\n",
    "choices of numbers": "  %c = icmp ugt i64 %n, 3\n  %x = select i1 %c, i64 1, i64 %n\n  ret i64 %x\n",
    "a branch by one pointer": (
        "  %c = icmp ugt i64 %n, 3\n  %o = select i1 %a, i1 true, i1 %c\n  br i1 %o, label %l, label %m\n"
    ),
    "the opposite": "  %o = xor i1 %a, true\n  br i1 %o, label %l, label %m\n",
}
COMBINED = {
    "choices of the same": (
        "  %x = select i1 %a, i64 64, i64 %n\n  %y = select i1 %b, i64 64, i64 %x\n  ret i64 %y\n",
        "%y = select i1 %b, i64 64, i64 %pyebpf.apart",
    ),
    "choices of pointers": (
        "  %x = select i1 %a, ptr %p, ptr null\n  %y = select i1 %b, ptr %x, ptr null\n  ret ptr %y\n",
        "%y = select i1 %b, ptr %pyebpf.apart",
    ),
    "choices of bytes": (
        "  %x = select i1 %a, i8 1, i8 2\n  %y = select i1 %b, i8 1, i8 %x\n  ret i8 %y\n",
        "%y = select i1 %b, i8 1, i8 %pyebpf.apart",
    ),
    "a choice after one by a number": (
        (
            "  %c = icmp ne i64 %n, 0\n  %x = select i1 %c, i64 64, i64 %n\n"
            "  %y = select i1 %b, i64 64, i64 %x\n  ret i64 %y\n"
        ),
        "%y = select i1 %b, i64 64, i64 %pyebpf.apart",
    ),
    "by way of a number": (
        (
            "  %w = zext i1 %a to i64\n  %c = icmp eq i64 %w, 1\n  %x = select i1 %c, i64 64, i64 %n\n"
            "  %y = select i1 %b, i64 64, i64 %x\n  ret i64 %y\n"
        ),
        "%y = select i1 %b, i64 64, i64 %pyebpf.apart",
    ),
    "null in place of a pointer": (
        "  %c = icmp eq i64 %n, 0\n  %x = select i1 %c, ptr null, ptr %p\n  ret ptr %x\n",
        "%x = select i1 %c, ptr %pyebpf.apart",
    ),
    "a branch by two pointers": (
        "  %o = select i1 %a, i1 true, i1 %b\n  br i1 %o, label %l, label %m\n",
        "%o = select i1 %pyebpf.apart",
    ),
    "truth that is kept": ("  %o = or i1 %a, %b\n  ret i1 %o\n", "%o = or i1 %pyebpf.apart"),
    "numbers": (
        "  %v = zext i1 %a to i64\n  %w = zext i1 %b to i64\n  %o = or i64 %v, %w\n  ret i64 %o\n",
        "%o = or i64 %pyebpf.apart",
    ),
}


def function(body: str) -> str:
    return f"declare ptr @look()\ndefine i64 @f(i64 %n) {{\nstart:\n{TESTS}{body}}}\n"


@pytest.mark.parametrize("body", ALONE.values(), ids=ALONE)
def test_what_meets_nothing_stays_as_it_is(body: str) -> None:
    assert keep_apart(function(body)) == function(body)


@pytest.mark.parametrize(("body", "wanted"), COMBINED.values(), ids=COMBINED)
def test_what_would_be_combined_is_hidden(body: str, wanted: str) -> None:
    assert wanted in keep_apart(function(body))
