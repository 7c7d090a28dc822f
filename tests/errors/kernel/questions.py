"""What is asked about the kernel is fixed when the probe is compiled."""

from pyebpf import Global, cast, comm, container_of, current_task, kernel, raw_tracepoint, sizeof, struct, u64

out = Global[u64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    task = current_task()
    name = comm()
    if hasattr(task, name):  # error
        out.value = 1
    if hasattr(out, "tgid"):  # error
        out.value = 2
    out.value = sizeof(task.tgid)  # error
    out.value = cast(task).tgid  # error
    out.value = cast(name, "struct task_struct").tgid  # error
    out.value = container_of(task, "struct task_struct").tgid  # error
    out.value = container_of(task, "struct task_struct", "tgidd").tgid  # error
    out.value = kernel.enum(1)  # error
    kernel.has_type()  # error
