"""A member that the kernel at hand does not have needs a declared type, and a question before it."""

from pyebpf import Global, current_task, i64, raw_tracepoint

out = Global[i64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    task = current_task()
    if hasattr(task, "__state"):
        state: i64 = task.state  # error
    else:
        out.value = task.state  # error
    if hasattr(task.trc_reader_special.b, "rubbish"):  # error
        out.value = 1
