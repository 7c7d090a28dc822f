from pyebpf import raw_tracepoint, u64
from pyebpf.helpers import copy_from_user, copy_from_user_task, get_current_task_btf


@raw_tracepoint("sys_enter")
def probe(ctx):
    buffer = u64[8]()
    copy_from_user(buffer, ctx.args[1])  # error
    copy_from_user_task(buffer, ctx.args[1], get_current_task_btf(), 0)  # error
