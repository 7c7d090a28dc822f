from pyebpf import Hash, TaskStorage, current_task, pid, raw_tracepoint, u32, u64

states = TaskStorage[u64]()
table = Hash[u32, u64](max_entries=8)


@raw_tracepoint("sys_enter")
def probe(ctx):
    a = states.get(current_task(), create=1)  # error
    b = states.get(current_task(), 7, create=True)  # error
    c = states.get(current_task(), make=True)  # error
    d = states.get(current_task(), create=pid() == 1)  # error
    e = table.get(7, create=True)  # error
    f = states.get(7, create=True)  # error
