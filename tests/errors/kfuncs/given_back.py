from pyebpf import Hash, function, tp_btf, u32, u64
from pyebpf.kfuncs import bpf_task_from_pid

seen = Hash[u32, u64](max_entries=8)


@function
def find(number: u32):
    with bpf_task_from_pid(number) as task:
        return task


@tp_btf("sched_switch")
def probe(preempt, prev, next, prev_state):
    with bpf_task_from_pid(1) as task:
        first = task
        pair = (task, 1)
        number = task.pid
    seen[u32(first.pid)] += 1  # error
    seen[u32(pair[0].pid)] += 1  # error
    seen[u32(number)] += 1
    seen[u32(find(1).pid)] += 1  # error
    last = None
    for each in range(3):
        if last is not None and last.pid == 7:  # error
            seen[3] += 1
        with bpf_task_from_pid(each) as other:
            last = other
            seen[u32(last.pid)] += 1
    seen[4] += 0 if last is None else 1
