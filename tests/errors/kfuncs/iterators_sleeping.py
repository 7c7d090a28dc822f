from pyebpf import BPF_TASK_ITER_ALL_PROCS, Global, iterator, rcu, u8, u64
from pyebpf.helpers import copy_from_user
from pyebpf.kfuncs import bpf_local_irq_save, iter_kmem_cache, iter_task

count = Global[u64](0)


@iterator("task")
def awake(task):
    for _ in iter_kmem_cache():  # error
        count.value += 1


@iterator("task", sleepable=True)
def held(task):
    buffer = u8[8]()
    with bpf_local_irq_save():
        copy_from_user(buffer, 0)  # error
    with rcu:
        for _ in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
            copy_from_user(buffer, 0)  # error
        for _ in iter_kmem_cache():  # error
            count.value += 1
