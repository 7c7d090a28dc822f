from pyebpf import Global, tracepoint, u64


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    total = Global[u64](0)  # error
    total.value += 1
