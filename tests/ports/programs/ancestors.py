"""Who started whom: the chain of parents of the task that runs, up to the first process."""

from pyebpf import Array, Global, current_task, pid, raw_tracepoint, struct, u32

DEEPEST = 16


@struct
class Chain:
    pids: u32[16]
    length: u32


chains = Array[Chain](max_entries=1)
watched = Global[u32](0)


@raw_tracepoint("sys_enter")
def climb(ctx):
    if pid() != watched.value:
        return
    chain = chains[0]
    task = current_task()
    count = 0
    for i in range(DEEPEST):
        chain.pids[i] = task.tgid
        count += 1
        if task.tgid <= 1:
            break
        task = task.real_parent
    chain.length = count
