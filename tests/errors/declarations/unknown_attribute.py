import pyebpf

counts = pyebpf.Hahs[pyebpf.u32, pyebpf.u64](max_entries=16)  # error
