"""Where nothing may sleep, in a program that may."""

from pyebpf import Hash, iterator, rcu, u8, u32, u64
from pyebpf.helpers import copy_from_user
from pyebpf.kfuncs import bpf_preempt_disable

table = Hash[u32, u64](max_entries=8)


@iterator("task", sleepable=True)
def tasks(task):
    buffer = u8[16]()
    copy_from_user(buffer, 4096)
    with rcu:
        copy_from_user(buffer, 4096)  # error
    with bpf_preempt_disable():
        copy_from_user(buffer, 4096)  # error
    for key in table:
        if table[key] == task.pid:
            copy_from_user(buffer, 4096)  # error
    copy_from_user(buffer, 4096)
