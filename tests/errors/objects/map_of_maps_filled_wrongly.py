from pyebpf import Array, ArrayOfMaps, u64

small = Array[u64](max_entries=4)
tables = ArrayOfMaps[Array[u64](max_entries=8)]({0: small})  # error
