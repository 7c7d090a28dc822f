# options: --kernel 5.4
from pyebpf import Array, Hash, profile, u32, u64

cells = Array[u64](max_entries=8, mmapable=True)
grown = Hash[u32, u64](max_entries=8, preallocate=False)


@profile(hz=99)
def probe(ctx):
    cells[0] += 1  # error
    grown[0] += 1  # error
