"""Draws the pictures that the documentation shows, from made-up numbers: python docs/pictures.py"""

from __future__ import annotations

from pathlib import Path

from pyebpf.pictures.charts import distribution_picture, heat_picture, table_picture
from pyebpf.pictures.distributions import Distribution, log2
from pyebpf.pictures.document import document
from pyebpf.pictures.flame import flame_graph
from pyebpf.pictures.frames import Frame, FrameKind, StackCount
from pyebpf.pictures.tables import Row, Table

FOLDER = Path(__file__).parent / "pictures"
KINDS: dict[str, tuple[FrameKind, str]] = {
    "u": ("user", "/usr/sbin/httpd"),
    "k": ("kernel", "[kernel]"),
    "p": ("python", "/srv/app.py"),
}
STACKS = (
    ("httpd", 412, "u:main u:serve u:respond u:writev k:do_syscall_64 k:vfs_writev k:tcp_sendmsg"),
    ("httpd", 267, "u:main u:serve u:respond u:read_file u:pread k:do_syscall_64 k:vfs_read k:filemap_read"),
    ("httpd", 604, "u:main u:serve u:compress u:deflate"),
    ("httpd", 88, "u:main u:serve u:epoll_wait k:do_syscall_64 k:do_epoll_wait k:schedule"),
    ("python3", 331, "u:Py_RunMain p:<module> p:handle p:render"),
    ("python3", 204, "u:Py_RunMain p:<module> p:handle p:query"),
)


def stacks() -> list[StackCount]:
    """A web server and a Python program."""
    found = []
    for comm, count, calls in STACKS:
        frames = []
        for call in calls.split():
            kind, module = KINDS[call[0]]
            frames.append(Frame(call[2:], module, kind=kind))
        found.append(StackCount((comm,), tuple(reversed(frames)), count))
    return found


def latency(second: int = 0) -> Distribution:
    """Reads from the cache, and from a disk that becomes slower."""
    counts = [0] * 64
    for slot, count in enumerate((12, 431, 5_201, 2_187, 200, 31)):
        counts[9 + slot] += count
    for slot, count in enumerate((48, 193, 521, 238, 40)):
        counts[15 + slot + second // 4] += count
    return log2("latency", "ns", counts)


PICTURES = {
    "flame.svg": lambda: flame_graph(stacks(), title="stacks"),
    "maps.svg": lambda: document(
        [
            distribution_picture(latency()),
            heat_picture("latency over time", [(f"{second} s", latency(second)) for second in range(1, 21)]),
            table_picture(
                Table(
                    "counts",
                    "key",
                    ("value",),
                    tuple(Row(name, (n,)) for name, n in (("httpd", 48_120), ("python3", 9_310), ("sshd", 204))),
                    3,
                )
            ),
        ],
        "maps",
    ),
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")
