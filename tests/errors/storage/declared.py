from pyebpf import SkStorage, u64

counts = SkStorage[u64](max_entries=64)  # error
