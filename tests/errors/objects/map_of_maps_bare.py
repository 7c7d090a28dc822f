from pyebpf import ArrayOfMaps

tables = ArrayOfMaps(max_entries=8)  # error
