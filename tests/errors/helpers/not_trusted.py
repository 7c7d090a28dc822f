from pyebpf import current_task, raw_tracepoint, u64
from pyebpf.helpers import get_task_stack


@raw_tracepoint("sys_enter")
def probe(ctx):
    frames = u64[8]()
    get_task_stack(current_task(), frames, 0)
    get_task_stack(current_task().real_parent, frames, 0)  # error
    get_task_stack(ctx.args[0], frames, 0)  # error
