from pyebpf import Global, cpu, tracepoint, u32

out = Global[u32](0)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    pair = (1, 2)
    out.value = (1, pair)[cpu()]  # error
    out.value = pair[2]  # error
    out.value = pair[:cpu()][0]  # error
