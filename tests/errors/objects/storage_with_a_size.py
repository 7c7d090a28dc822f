from pyebpf import TaskStorage, u64

counts = TaskStorage[u64](max_entries=64)  # error
