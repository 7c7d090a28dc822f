"""`match`, in the kernel and in CPython."""

from __future__ import annotations

from pathlib import Path

import pytest
from twice import check_same

pytestmark = pytest.mark.kernel

DECLARATIONS = """\
@struct
class Point:
    x: i32
    y: i32

@struct
class Exec:
    pid: u32
    live: bool
    comm: char[8]
    at: Point
    codes: u8[3]

@struct
class Other:
    z: u32

class Color(IntEnum):
    RED = 3
    GREEN = 200

class Limits:
    LOW = 4
    WORD = "bash"

table = Hash[u32, u64](max_entries=8)
points = Array[Point](max_entries=4)
limit = Global[u64](7)

@function
def kind(value):
    match value:
        case Point(x=0):
            return 1
        case Point():
            return 2
        case Other(z=z):
            return z + 10
        case "bash":
            return 3
        case True:
            return 4
        case 200 | 0:
            return 5
        case (_, _):
            return 6
        case None:
            return 7
        case _:
            return 8

@function
def bump(point):
    point.x = i32(point.x + 1)
    return point.x

@xdp
def probe(packet):
    n = packet.load(0, u8)
    m = packet.load(1, u8)
    flag = n > m
    e = Exec(pid=n, live=n == m, comm="bash", codes=u8[3]())
    if n == 3:
        e.comm = "zsh"
    e.at.x = i32(n) - 3
    e.at.y = i32(m)
    e.codes[1] = n
    table.pop(1, 0)
    if flag:
        table[1] = n
    total = 0
"""

PACKETS = [bytes([n, m, *bytes(62)]) for n, m in ((0, 0), (1, 200), (3, 4), (4, 3), (7, 1), (200, 3), (255, 255))]

BODIES = [
    """match n:
    case 0:
        total = 1
    case 1 | 3 | 7:
        total = 2
    case -1:
        total = 9
    case x:
        total = x""",
    """match n:
    case Limits.LOW:
        total = 1
    case Color.RED | Color.GREEN as which:
        total = which
    case XDP.DROP:
        total = 2""",
    """match n:
    case x if x > 100:
        total = 1
    case x if x > m:
        total = 2
    case y if y == m:
        total = 3 + x
    case _:
        total = x + y""",
    """match flag:
    case True:
        total = 1
    case False:
        total = 2""",
    """match flag, e.live:
    case True, False:
        total = 1
    case (_, True) | (False, False) if n > 3:
        total = 2
    case _:
        total = 3""",
    """match n, m:
    case 0, 0:
        total = 1
    case x, 3 | 4 as y:
        total = x * y
    case (x, _) if x == 7:
        total = 2
    case [a, b]:
        total = a + b""",
    """match (n, (m, 5)):
    case (1 | 7 as a, (b, 5)) | (a, (200 | 4 as b, _)):
        total = a * 100 + b
    case (a, (0, _)):
        total = a
    case _:
        a = 4
out[1] = a""",
    """a = 1
b = 2
match (n, m):
    case ((1 | 200 as a), 9):
        pass
    case ((b, 200) | (3, b)):
        pass
out[1] = a * 1000 + b""",
    """a, b = n, m
match a, b:
    case b, a:
        total = a * 1000 + b""",
    """match e.comm:
    case "bash":
        total = 1
    case "zsh" | "fish" as shell:
        total = 2 + (shell == "zsh")""",
    """match e.comm:
    case Limits.WORD:
        total = 1
    case name if name == "zsh":
        total = 2""",
    """match e:
    case Exec(pid=0):
        total = 1
    case Exec(pid=1 | 3 as p, comm="bash" | "zsh" as name, at=Point(x=x, y=200 | 4)):
        total = p + (name == "zsh") * 10 + (x + 3) * 100
    case Exec(live=True, at=Point(x=_) as at):
        at.y = 77
        total = e.at.y
    case Exec(codes=[_, 4, c]):
        total = c + 50
    case Exec():
        total = 5""",
    """match e.at:
    case Point(x=0, y=y) if bump(e.at) == 5:
        total = 1
    case Point(x=1, y=y):
        total = 2 + y
    case Point(x=x) as p:
        p.x = 9
        total = e.at.x + i64(x) * 0""",
    """match table.get(1):
    case None:
        total = 1
    case 4:
        total = 2
    case 7 | 200 as x:
        total = x
    case x if x > 10:
        total = x + 1""",
    """match table.get(1), n:
    case None, 3:
        total = 1
    case (None | 4, x):
        total = x
    case x, 7:
        total = x + 1
    case _:
        total = 50""",
    """best = None
if n > 3:
    best = n
match best:
    case None:
        total = 1
    case x:
        total = x + 2""",
    """best = None
if n > 3:
    best = e.at
match best:
    case Point(x=1):
        total = 1
    case None:
        total = 2
    case point:
        total = u64(point.x)""",
    """match n:
    case limit.value:
        total = 1
    case _ if (k := n * 2) > 10:
        total = k""",
    """match x := n + m:
    case 0 | 7:
        total = 1
    case _:
        total = x""",
    """for i in range(4):
    match i + n:
        case 3:
            continue
        case 9:
            break
        case x:
            total = total * 3 + x
else:
    total += 1000""",
    """match n:
    case 1:
        match m:
            case 200:
                total = 3
    case 3 if m == 9:
        total = 4
    case _:
        match (m, n):
            case 3, _:
                total = 5
total += 1""",
    """match 10 // n:
    case 10:
        total = 1
    case q if 10 // (n - 3) > q:
        total = 2""",
    """match e.codes:
    case [0, 1, _]:
        total = 1
    case [_, x, 0]:
        total = x""",
    """try:
    match table[1]:
        case 4:
            raise ValueError("no")
        case x:
            total = x
except (KeyError, ValueError):
    total = 99""",
    """match n:
    case ((1 | 3) as x) | (7 as x) if x < 7:
        total = x""",
    """total = kind(e.at) * 100 + kind(Other(z=n)) + kind(e.comm) * 5
total += kind(flag) * 7 + kind(n) * 9 + kind((n, m)) + kind(table.get(1))""",
    """case = match = n
match match:
    case 3 if case > 2:
        total = case
    case case if match < 100:
        total = case + 1
out[1] = case""",
    """match "bash":
    case "zsh":
        total = 1
    case "bash":
        total = 2""",
    """match 2:
    case 1:
        total = 1
    case 2 if n:
        total = 2
    case _:
        total = 3""",
    """match ():
    case ():
        total = 2""",
]


@pytest.mark.parametrize("body", BODIES)
def test_match(kernel, tmp_path: Path, body: str) -> None:  # type: ignore[no-untyped-def]
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    text = f"{DECLARATIONS}{lines}    out[0] = u64(total)\n    return XDP.DROP\n"
    check_same(kernel, text, PACKETS, tmp_path)
