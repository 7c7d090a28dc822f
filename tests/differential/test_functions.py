"""Tuples and functions: the same text, run by CPython and in the kernel, gives the same value of `out`."""

from __future__ import annotations

from typing import Any

import pytest
from running import IMPORTS

from pyebpf.lang.maps import Map

pytestmark = pytest.mark.kernel

DROP = 1
DECLARATIONS = """
from ipaddress import IPv6Address
from pyebpf import MacAddress

@struct
class Named:
    name: char[8]
    size: u32

out = Global[i64](0)
five = Global[u32](5)
big = Global[u64](0)
names = Hash[u32, char[8]](max_entries=8)
macs = Hash[u32, MacAddress](max_entries=8)
table = Hash[u32, i64](max_entries=8)
cells = Array[i64](max_entries=4)
people = Hash[u32, Named](max_entries=4)

OLD, NEW = MacAddress("00:11:22:33:44:55"), MacAddress("00:11:22:33:44:66")

@function
def both(x):
    return x + 1, x

@function
def pair_or_none(x, limit):
    if x < limit:
        return x, limit
    return None

@function
def falls_off(x, limit):
    if x < limit:
        return x, limit

@function
def first_may_be_none(x):
    if x > 4:
        return None, x
    return x, x + 1

@function
def nested(x):
    return x, (x + 1, (x + 2,))

@function
def total(pair):
    a, b = pair
    return a + b

@function
def renamed(named):
    old = named.name
    named.name = "new"
    return old, named.name

@function
def twice(f, x):
    return f(f(x))

@function
def add1(x):
    return x + 1

@function
def add2(x):
    return twice(add1, x)

@function
def clamp(x, /, low=0, *, high=100):
    return min(max(x, low), high)

@function
def with_limit(x, limit=None):
    if limit is None:
        limit = 3
    return x + limit

@function
def without_limit(x, limit=None):
    return x if limit is None else x + limit

@function
def item(pair, number):
    return pair[number]

@function
def steps(first, last, step):
    total = 0
    for i in range(first, last, step):
        total = total * 10 + i
    return total

@function
def stored(where, who, data):
    where[1] = who.size
    return where[1] + len(data)

@function
def count(where, key, amount):
    where[key] += amount
    return amount * 10

@function
def removed(key):
    del table[key]
    return 4

@function
def resized(who):
    who.size = 7
    return 10

@function
def grown(who):
    who.size += 4
    return 10

def adder(amount):
    @function
    def add(x):
        return x + amount
    return add

add3, add7 = adder(3), adder(7)

@function
def bump(amount):
    out.value += amount
    return amount
"""


def python_out(text: str) -> int:
    """What CPython leaves in `out`."""
    scope: dict[str, Any] = {}
    exec(compile(IMPORTS + text, "<reference>", "exec"), scope)
    for value in scope.values():
        if isinstance(value, Map):
            value.views.append(dict.fromkeys(range(4), 0) if value.kind == "Array" else {})
    scope["probe"].function(bytes(64))
    return int(scope["out"].value)


def agree(load: Any, text: str) -> None:
    """Both give the same."""
    probe = load(text)
    assert probe.run() == DROP
    assert probe.faults() == {}
    assert probe.out("<q") == python_out(text)


def program(body: str, before: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    return f"{DECLARATIONS}\n{before}\n@xdp\ndef probe(packet):\n    n = five.value\n{lines}    return XDP.DROP\n"


TUPLES = {
    "index and length": "t = (1, n); out.value = t[0] * 10 + t[-1] + len(t) * 100",
    "empty": "t = (); out.value = len(t) + (5 if t else 6)",
    "result": "a, b = both(n); out.value = a * 10 + b",
    "result kept": "t = both(n); out.value = t[0] * 10 + t[1]",
    "its own items": "t = both(n); t = (t[1], t[0]); out.value = t[0] * 10 + t[1]",
    "swap": "a, b = n, 2; a, b = b, a; out.value = a * 10 + b",
    "rotate": "a, b, c = n, 2, 3; a, b, c = b, c, a; out.value = a * 100 + b * 10 + c",
    "nested unpacking": "a, (b, c) = 1, (2, n); out.value = a * 100 + b * 10 + c",
    "nested result": "a, (b, (c,)) = nested(n); out.value = a * 100 + b * 10 + c",
    "nested index": "t = nested(n); out.value = t[1][1][0] * 10 + len(t[1])",
    "argument": "out.value = total((n, 2)) * 100 + total(both(n))",
    "keyword argument": "out.value = total(pair=(n, 2))",
    "two targets": "t = a, b = n, 3; out.value = t[0] * 100 + a * 10 + b",
    "slices": "t = (1, 2, n, 4); u = t[1:3] + t[:1] + t[::-2]; out.value = u[0] + u[1] * 10 + u[2] * 100 + u[3] * 1000",
    "repeated": "t = (n, 2) * 2; out.value = len(t) * 10 + t[2]",
    "variable index": "t = (7, 2, n); out.value = t[n - 3] + 10 * t[3 - n] + 100 * t[n - 8]",
    "variable index of pairs": "t = ((7, 2), (n, 3)); out.value = t[n - 4][0] * 10 + t[n - 5][1]",
    "constant index": "t = (1, 2, n); i = 2; out.value = t[2] + i",
    "min and max": "t = (n, 9, 3); out.value = min(t) * 10 + max(t)",
    "a loop fills it": "t = (0, 1)\nfor i in range(6):\n    t = (t[1], t[0] + t[1])\nout.value = i64(t[0])",
    "walrus": "out.value = (t := both(n))[0] * 10 + t[1]",
    "text is kept": "s = Named(name='old'); t = (s.name, 1); s.name = 'new'; out.value = t[0] == 'old'",
    "a struct is shared": "s = Named(name='old'); t = (s, 1); s.name = 'new'; out.value = t[0].name == 'new'",
    "text from a function": "a, b = renamed(Named(name='old')); out.value = (a == 'old') + 2 * (b == 'new')",
    "texts swap": "s = Named(name='a'); t = (s.name, Named(name='b').name); t = (t[1], t[0]); "
    "out.value = (t[0] == 'b') + 2 * (t[1] == 'a')",
    "one of two": "a, b = (1, n) if n > 3 else (n, 2); out.value = a * 10 + b",
    "the other of two": "a, b = (1, n) if n > 30 else (n, 2); out.value = a * 10 + b",
    "one or none": "t = (1, n) if n > 30 else None; out.value = 3 if t is None else t[1]",
    "none, then one": "t = None\nfor i in range(4):\n    if i == 2:\n        t = (i, n)\n"
    "if t is not None:\n    out.value = t[0] * 10 + t[1]",
    "one, then none": "t = (n, 1)\nif n > 3:\n    t = None\nout.value = 7 if t is None else 8",
    "result is there": "t = pair_or_none(n, 9)\nif t is not None:\n    a, b = t\n    out.value = a * 10 + b",
    "result is none": "t = pair_or_none(n, 2)\nout.value = 3 if t is None else t[0]",
    "result of falling off": "if (t := falls_off(n, 2)) is None:\n    out.value = 4\nelse:\n    out.value = t[1]",
    "truth of a result": "out.value = 1 if pair_or_none(n, 9) else 2",
    "none among items": "a, b = first_may_be_none(n); out.value = b + (100 if a is None else a)",
    "one among items": "a, b = first_may_be_none(n - 3); out.value = b + (100 if a is None else a)",
    "maps among items": "t = (table, 1); table[1] = n; out.value = t[0][1] + t[1]",
    "functions among items": "t = (both, n); out.value = t[0](t[1])[0]",
    "membership": "out.value = ((1, n) in ((1, 2), (1, 5))) + 2 * ((n, 1) in ((1, 2), (1, 5)))",
    "compared with none": "out.value = ((1, n) == None) + 2 * ((1, n) is not None)",
    "returned at once": "out.value = both(both(n)[0])[1]",
    "a ring of names": "a = b = c = (n, 1); b = (2, 3); out.value = a[0] + b[0] * 10 + c[1] * 100",
}
ORDER = ("==", "!=", "<", "<=", ">", ">=")


@pytest.mark.parametrize("body", TUPLES.values(), ids=TUPLES)
def test_tuples(load, body: str) -> None:  # type: ignore[no-untyped-def]
    agree(load, program(body))


@pytest.mark.parametrize("sign", ORDER)
def test_order_of_tuples(load, sign: str) -> None:  # type: ignore[no-untyped-def]
    """By the first items that differ, then by length."""
    others = ["(5, 3)", "(5, 2)", "(5, 1)", "(4,)", "(5, 2, 1)", "(6, 0)", "(5,)", "()", "(5, -9)"]
    body = "t = (n, 2)\n" + "\n".join(f"out.value |= (t {sign} {other}) << {i}" for i, other in enumerate(others))
    agree(load, program(body))


@pytest.mark.parametrize("sign", ["==", "!="])
def test_equality_with_none_among_items(load, sign: str) -> None:  # type: ignore[no-untyped-def]
    body = "table[1] = 7\na, b, c = table.get(1), table.get(2), table.get(1)\n"
    pairs = [
        "(a,), (c,)",
        "(a,), (b,)",
        "(b,), (a,)",
        "(b,), (b,)",
        "(a, b), (c, None)",
        "(b, 1), (None, 1)",
        "(a,), (7,)",
    ]
    body += "\n".join(f"out.value |= (({pair.replace(', (', f' {sign} (')})) << {i}" for i, pair in enumerate(pairs))
    agree(load, program(body))


COPIED = {
    "address": "macs[1] = OLD; x = macs.get(1); macs[1] = NEW; out.value = 5 if x is None else x == OLD",
    "missing address": "x = macs.get(1); macs[1] = NEW; out.value = 5 if x is None else x == OLD",
    "address by index": "macs[1] = OLD; x = macs[1]; macs[1] = NEW; out.value = x == OLD",
    "text": "names[1] = 'old'; x = names.get(1); names[1] = 'new'; out.value = 5 if x is None else x == 'old'",
    "text by index": "names[1] = 'old'; x = names[1]; names[1] = 'new'; out.value = x == 'old'",
    "none, then an address": "macs[1] = OLD\nx = None\nif n > 3:\n    x = macs.get(1)\nmacs[1] = NEW\n"
    "out.value = 5 if x is None else x == OLD",
    "an address, then none": "macs[1] = OLD\nx = macs[1]\nif n > 3:\n    x = None\nout.value = 5 if x is None else 6",
    "in a tuple": "macs[1] = OLD; t = (macs.get(1), n); macs[1] = NEW; x = t[0]; "
    "out.value = 5 if x is None else x == OLD",
    "a constant": "x = OLD; macs[1] = NEW; out.value = (x == macs[1]) + 2 * (x == OLD)",
}


@pytest.mark.parametrize("body", COPIED.values(), ids=COPIED)
def test_addresses_and_text_never_change(load, body: str) -> None:  # type: ignore[no-untyped-def]
    agree(load, program(body))


FUNCTIONS = {
    "names around are read as they are": "def f(x):\n    return x * 10 + m\nm = 3\nout.value = f(n)\nm = 4\n"
    "out.value += f(n) * 100",
    "nonlocal": "total = 0\ndef f(x):\n    nonlocal total\n    total += x\nf(1)\nf(n)\nout.value = total",
    "defaults are computed once": "k = 2\ndef f(x, by=n * k, *, plus=k):\n    return x * by + plus\nk = 9\n"
    "out.value = f(1) + 100 * f(2, 3) + 10000 * f(1, plus=n)",
    "nested twice": "def outer(x):\n    y = x + 1\n    def inner(z):\n        nonlocal y\n        y += z\n"
    "        return y * 10 + n\n    return inner(2) + y\nout.value = outer(n) + outer(1)",
    "own names": "x = 1\ndef f():\n    x = 2\n    return x\nout.value = f() * 10 + x",
    "given to a function": "def add(x):\n    return x + n\nout.value = twice(add, 1)",
    "given with nonlocal": "calls = 0\ndef add(x):\n    nonlocal calls\n    calls += 1\n    return x + calls\n"
    "out.value = twice(add, n) * 10 + calls",
    "no recursion": "out.value = twice(add2, n)",
    "calls another": "def f(x):\n    return x + 1\ndef g(x):\n    return f(x) * 2\nout.value = g(f(n))",
    "evaluated in order": "x = 1\ndef f():\n    nonlocal x\n    x += 4\n    return 1\n"
    "out.value = x + f() * 10 + x * 100",
    "augmented by itself": "x = 1\ndef f():\n    nonlocal x\n    x += 4\n    return 10\nx += f()\nout.value = x",
    "in a loop": "for i in range(3):\n    def f(x, y=i):\n        return x + y * 10 + i * 100\n    out.value += f(n)",
    "loop and return inside": "def find(limit):\n    for i in range(9):\n        if i * i > limit:\n"
    "            return i\n    return 9\nout.value = find(n) * 10 + find(70)",
    "text around": "s = Named(name='old')\nname = s.name\ndef f():\n    nonlocal name\n    name = 'new'\n"
    "    return name == 'new'\nout.value = (name == 'old') + 2 * f() + 4 * (name == 'new')",
    "a tuple around": "t = (1, n)\ndef f():\n    nonlocal t\n    t = (t[1], t[0])\nf()\nout.value = t[0] * 10 + t[1]",
    "none around": "t = None\ndef f():\n    nonlocal t\n    t = (n, 1)\nf()\nout.value = 7 if t is None else t[0]",
    "faults around": "def f(i):\n    try:\n        return table[i]\n    except KeyError:\n        return n\n"
    "table[1] = 3\nout.value = f(1) * 10 + f(2)",
    "keywords": "out.value = clamp(n) + 10 * clamp(n, 6) + 100 * clamp(n, high=4) + 1000 * clamp(n, low=7, high=8)",
    "none as default": "out.value = with_limit(n) + 10 * with_limit(n, 2) + 100 * without_limit(n)\n"
    "out.value += 1000 * without_limit(n, 1)",
    "constants fold": "out.value = item((1, 2, n), 2) * 10 + item((1, 2), number=-1)",
    "constant steps": "out.value = steps(5, 0, -2) + 1000 * steps(0, 5, 2)",
    "maps, structs and packets": "out.value = stored(table, Named(size=3), packet)\n"
    "out.value += 1000 * stored(cells, who=Named(size=n), data=(1, 2))",
    "constants of a Python function": "out.value = add3(n) * 100 + add7(n)",
    "generic": "out.value = add1(n) + add1(True) + add1(out.value)",
}


@pytest.mark.parametrize("body", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(load, body: str) -> None:  # type: ignore[no-untyped-def]
    agree(load, program(body))


COUNTS = {
    "a variable": "out.value = 1; out.value += bump(4)",
    "a variable, taken from": "out.value = 10; out.value -= bump(4)",
    "another variable": "five.value += u32(bump(4)); out.value = out.value * 10 + five.value",
    "an entry": "table[1] = 1; table[1] += count(table, 1, 4); out.value = table[1]",
    "an entry, taken from": "table[1] = 1; table[1] -= count(table, 1, 4); out.value = table[1]",
    "an entry that is removed": "table[1] = 1; table[1] += removed(1); out.value = table[1]",
    "an entry of another key": "table[1], table[2] = 1, 5; table[1] += count(table, 2, 4)\n"
    "out.value = table[1] * 100 + table[2]",
    "another map": "table[1] = 1; table[1] += count(cells, 1, 4); out.value = table[1] * 100 + cells[1]",
    "a key that changes": "s = Named(size=1); table[1], table[7] = 3, 4; table[s.size] += resized(s)\n"
    "out.value = table[1] * 100 + table[7]",
    "an element": "cells[1] = 1; cells[1] += count(cells, 1, 4); out.value = cells[1]",
    "a variable element": "cells[1] = 1; cells[n - 4] += count(cells, 1, 4); out.value = cells[1]",
    "a field": "people[1] = Named(size=1); p = people[1]; p.size += grown(p); out.value = p.size",
    "a field by two names": "people[1] = Named(size=1); people[1].size += grown(people[1]); out.value = people[1].size",
    "by a condition": "out.value = 1; out.value += bump(4) if n > 3 else 0",
    "by a walrus": "out.value = 1; out.value += (k := bump(4)) * 10; out.value += k",
    "by a function inside": "def f():\n    out.value = 50\n    return 3\nout.value += f()",
    "in a loop": "table[1] = 0\nfor i in range(3):\n    table[1] += count(table, 1, i)\nout.value = table[1]",
}


@pytest.mark.parametrize("body", COUNTS.values(), ids=COUNTS)
def test_the_old_value_is_read_first(load, body: str) -> None:  # type: ignore[no-untyped-def]
    agree(load, program(body))


NOT_NEGATIVE = {
    "by way of another name": "c = 0\nfor i in range(8):\n    x = c\n    c = x + n\nbig.value = c",
    "by turns": "c = d = 0\nfor i in range(8):\n    c, d = d, c + 1\nbig.value = c + d",
    "in a tuple": "t = (0, 0)\nfor i in range(8):\n    t = (t[0] + 1, t[1] + n)\nbig.value = t[0] + t[1]",
    "by a function": "c = 0\nfor i in range(8):\n    c = add1(c)\nbig.value = c",
    "by a choice": "c = 0\nfor i in range(8):\n    c = c + 1 if i & 1 else c\nbig.value = c",
    "in loops in loops": "c = 0\nfor i in range(4):\n    for j in range(4):\n        x = c\n"
    "        c = add1(x)\nbig.value = c",
    "from a constant": "c = 9\nfor i in range(8):\n    if i == 3:\n        c = 2\n    x = c\n"
    "    c = x + i\nbig.value = c",
    "the size of a number": "x = out.value - 5; big.value = abs(x)",
    "named on the right of and": "x = out.value - 5\nif n > 3 and (y := abs(x)) >= 0:\n    big.value = y",
    "and then again": "x = out.value + 5\nif x >= 0 and (y := x) >= 0:\n    big.value = y",
    "named in one way": "if n > 3:\n    y = n\nelse:\n    y = None\nif y is not None:\n    big.value = y",
}


@pytest.mark.parametrize("body", NOT_NEGATIVE.values(), ids=NOT_NEGATIVE)
def test_what_is_not_negative_fits_u64(load, body: str) -> None:  # type: ignore[no-untyped-def]
    agree(load, program(body + "\nout.value = i64(big.value)"))


EFFECTS = {
    "one of two calls": "bump(1) if n > 3 else bump(10)",
    "the other of two": "bump(1) if n > 30 else bump(10)",
    "and": "n > 3 and bump(1); n > 30 and bump(10)",
    "or": "n > 3 or bump(1); n > 30 or bump(10)",
    "chains": "(n > 3 and n < 9 and bump(1)) if n else bump(100); (n > 7 or n < 2 or bump(10))",
}


@pytest.mark.parametrize("body", EFFECTS.values(), ids=EFFECTS)
def test_expressions_for_what_they_do(load, body: str) -> None:  # type: ignore[no-untyped-def]
    agree(load, program(body))


def test_none_is_the_default_result(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u32](0)

@xdp
def probe(packet):
    return None if out.value else XDP.DROP
""")
    assert probe.run() == DROP
