from pyebpf import Hash, cpu, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)
limits = {"cpu": 4}


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if cpu() < limits["cpu"]:  # error
        counts[cpu()] += 1
