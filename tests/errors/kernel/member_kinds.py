"""What a register does not hold can not be read."""

from pyebpf import Global, cast, current_task, raw_tracepoint, struct, u64

out = Global[u64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    out.value = cast(ctx.args[0], "struct netdev_queue").dql.nothing  # error
    out.value = current_task().tgidd  # error
    current_task().tgid = 1  # error
    out.value = cast(ctx.args[0], "struct sk_buff").__cloned_offset[0]  # error
