from pyebpf import Queue, u32, u64

jobs = Queue[u32, u64](max_entries=16)  # error
