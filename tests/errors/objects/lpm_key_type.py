from pyebpf import LpmTrie, u8, u32

blocked = LpmTrie[u32, u8](max_entries=16)  # error
