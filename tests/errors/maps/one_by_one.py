from pyebpf import Array, Global, Hash, HashOfMaps, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)
tables = HashOfMaps[u32, Hash[u32, u64](max_entries=16)](max_entries=8)
cells = Array[u64](max_entries=8)
size = Global[u64](0)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for cell, key in zip(cells, counts):  # error
        size.value += key * cell
    for value in reversed(counts.values()):  # error
        size.value += value
    kept = counts.items()  # error
    if 3 in counts.values():  # error
        size.value = 1
    size.value = sum(v for k, v in enumerate(counts.items()))  # error
    table = tables[3]
    for key in table:  # error
        size.value += key
    size.value = sum(table.values())  # error
    size.value = len(table)  # error
