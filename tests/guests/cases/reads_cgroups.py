"""A cgroup as it is made: its name, number and level, and those above it."""

import os
from pathlib import Path

from pyebpf import Array, Global, Kernel, cast, char, pid, raw_tracepoint, struct, u32, u64

SINCE = (5, 10)
MACHINES = ("x86_64", "aarch64")  # with types of this byte order, in which both names of the parent are
PORTABLE = True


@struct
class Group:
    number: u64
    level: u32
    above: u64
    name: char[32]
    parent: char[32]


watched = Global[u32](0)
found = Array[Group](max_entries=1)


@raw_tracepoint("cgroup_mkdir")
def read_cgroup(ctx):
    if pid() != watched.value:
        return
    group, out = cast(ctx.args[0], "struct cgroup"), found[0]
    out.number = group.kn.id
    out.level = u32(group.level)
    out.name = group.kn.name
    if hasattr(group.kn, "__parent"):  # since 6.15
        out.parent = group.kn.__parent.name
        out.above = group.kn.__parent.id
    else:
        above: Kernel["struct kernfs_node"] = group.kn.parent
        out.parent = above.name
        out.above = above.id


def check(session):
    root = cgroup2()
    outer, inner = root / "pyebpf-outer", root / "pyebpf-outer" / "pyebpf-inner"
    outer.mkdir()
    try:
        session.variables["watched"].value = os.getpid()
        inner.mkdir()
        session.variables["watched"].value = 0
        out = session.maps["found"][0]
        assert out.number == inner.stat().st_ino
        assert out.above == outer.stat().st_ino
        assert (out.name, out.parent) == ("pyebpf-inner", "pyebpf-outer")
        assert out.level == len(inner.relative_to(root).parts)
    finally:
        if inner.exists():
            inner.rmdir()
        outer.rmdir()


def cgroup2():
    """Where the second hierarchy is mounted."""
    with open("/proc/self/mounts") as file:
        return next(Path(line.split()[1]) for line in file if line.split()[2] == "cgroup2")
