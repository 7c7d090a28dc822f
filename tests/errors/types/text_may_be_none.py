from pyebpf import Global, Hash, char, pid, tracepoint, u32, u64

names = Hash[u32, char[8]](max_entries=16)
found = Global[u64](0)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    name = names.get(pid())
    if name == "bash":  # error
        found.value += 1
