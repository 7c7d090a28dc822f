from pyebpf import Hash, HashOfMaps, char, u32, u64

first = Hash[u32, u64](max_entries=16)
tables = HashOfMaps[char[8], Hash[u32, u64](max_entries=16)]({"first": first}, max_entries=4)  # error
