from pyebpf import Array, Hash, comm, tracepoint, u32, u64

one = Hash[u32, u64](max_entries=8)
two = Hash[u32, u64](max_entries=8)
names = ("bash", "python3")
cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for name in names:
        cells[0] += name == comm()
    print(name)  # error
    for name in names:
        name = comm()  # error
    for table in (one, two):
        table[1] = 2
    table[2] = 3  # error
