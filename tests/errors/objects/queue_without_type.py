from pyebpf import Queue

jobs = Queue(max_entries=16)  # error
