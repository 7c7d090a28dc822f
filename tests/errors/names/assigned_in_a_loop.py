from pyebpf import Config, Hash, tracepoint, u8, u32, u64

counts = Hash[u32, u64](max_entries=1024)
rounds = Config[u8](3)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for i in range(rounds.value):
        last = i
    counts[last] += 1  # error
