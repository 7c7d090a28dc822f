from pyebpf import TaskStorage, u32, u64

counts = TaskStorage[u32, u64]()  # error
