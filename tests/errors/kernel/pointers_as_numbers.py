"""Kernel pointers are no numbers, and can be made ones."""

from pyebpf import Global, Hash, current_task, raw_tracepoint, u32, u64

seen = Hash[u64, u64](max_entries=64)
ids = Hash[u32, u64](max_entries=64)
out = Global[u64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    task = current_task()
    seen[task] += 1  # error
    ids[task] += 1  # error
    seen[1] = task.real_parent  # error
    out.value = task.mm  # error
    if task in seen:  # error
        out.value = 1
    out.value = 2 if 5 < task.mm else 3  # error
