from pyebpf import SkStorage, current_task, raw_tracepoint, u64

counts = SkStorage[u64]()


@raw_tracepoint("sys_enter")
def probe(ctx):
    counts[current_task()] += 1  # error
