from pyebpf import Array, Hash, struct, tracepoint, u32, u64


@struct
class Rule:
    port: u32
    hits: u64


rules = Hash[u32, Rule](max_entries=64, read_only=True)
limits = Array[u64](max_entries=4, read_only=True)
counts = Hash[u32, u64](max_entries=64, read_only=True)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    rules[1] = Rule(port=7)  # error
    rules[1].hits += 1  # error
    if (rule := rules.get(2)) is not None:
        rule.port = 3  # error
    del rules[1]  # error
    limits[1] = 2  # error
    limits[1] += 2  # error
    counts[7] += 1  # error
    x = counts.pop(7, 0)  # error
    for found in rules.values():
        found.hits = 1  # error
