from pyebpf import BloomFilter, Hash, iterator, u32, u64

seen = BloomFilter[u32](max_entries=8)
table = Hash[u32, u64](max_entries=8)


@iterator("task", sleepable=True)
def tasks(task):
    if task.pid in seen:  # error
        table[task.pid] = 1
