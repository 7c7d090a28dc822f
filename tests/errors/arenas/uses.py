from pyebpf import Arena, raw_tracepoint, u8, u64
from pyebpf.helpers import probe_read_user

counts = Arena[u64](max_entries=64)
bytes_ = Arena[u8](max_entries=64)


@raw_tracepoint("sys_enter")
def probe(ctx):
    counts[64] = 1  # error
    counts[0] = "text"  # error
    probe_read_user(bytes_[0:8], ctx.args[1])  # error
    counts.observe(3)  # error
