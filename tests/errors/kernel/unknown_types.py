"""Structs and enumerators that no kernel has."""

from pyebpf import Global, Kernel, current_task, function, kernel, raw_tracepoint, sizeof, struct, u64

out = Global[u64](0)


@function
def size(task: Kernel["struct task_strct"]):  # error
    return task.tgid


@raw_tracepoint("sys_enter")
def probe(ctx):
    out.value = sizeof("struct tcp_sok")  # error
    out.value = size(current_task())
    out.value = kernel.enum("BPF_MAP_TYPE_HASCH")  # error
    out.value = kernel.enum("BPF_MAP_TYPE_HASCH", "bpf_map_type")  # error
    if kernel.has_enum("BPF_MAP_TYPE_HASCH"):  # error
        out.value = 1
    if kernel.has_type("struct"):  # error
        out.value = 2
