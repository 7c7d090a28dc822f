from pyebpf import TaskStorage, current_task, pid, raw_tracepoint, u64

counts = TaskStorage[u64]()


@raw_tracepoint("sys_enter")
def probe(ctx):
    counts[current_task().real_parent] += 1  # error
    counts[pid()] += 1  # error
    task = current_task()
    counts[task] = 1  # error
    counts.pop(current_task())  # error
    counts.setdefault(current_task())  # error
    del counts[7]  # error
