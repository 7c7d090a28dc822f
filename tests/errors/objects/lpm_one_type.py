from pyebpf import IPv4Network, LpmTrie

blocked = LpmTrie[IPv4Network](max_entries=16)  # error
