"""System calls by cgroup: how many, and the number of the last one. Those of one call are reported as they come."""

from pyebpf import CgroupStorage, Config, Global, current_cgroup, raw_tracepoint, struct, u32, u64

wanted = Config[u32](0xFFFF_FFFF)


@struct
class Calls:
    count: u64
    last: u32
    of_kind: u32


calls = CgroupStorage[Calls]()
groups = Global[u64](0)


@raw_tracepoint("sys_enter")
def count(ctx):
    if current_cgroup() not in calls:
        groups.value += 1
    entry = calls.setdefault(current_cgroup(), Calls())
    entry.count += 1
    entry.last = u32(ctx.args[1])
    if entry.last == wanted.value:
        entry.of_kind += 1
        print(f"call {entry.last}, the {entry.of_kind}. of {entry.count}")
