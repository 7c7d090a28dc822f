from pyebpf import Hash, HashOfMaps, u32, u64

tables = HashOfMaps[u32, Hash[u32, u64](max_entries=16)]()  # error
