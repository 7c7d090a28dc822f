from pyebpf import BloomFilter, XDP, pid, tracepoint, u32

seen = BloomFilter[u32](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    seen[pid()] = 1  # error
    del seen[pid()]  # error
    seen.remove(pid())  # error
    if "text" in seen:  # error
        seen.add(1)
