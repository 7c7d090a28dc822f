from pyebpf import BPF_TASK_ITER_ALL_PROCS, Global, iterator, u64
from pyebpf.kfuncs import iter_task

count = Global[u64](0)


@iterator("task", sleepable=True)
def asleep(task):
    for _ in iter_task(None, BPF_TASK_ITER_ALL_PROCS):  # error
        count.value += 1
