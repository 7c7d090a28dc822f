from pyebpf import Global, pid, tracepoint, u32

last = Global[u32](0)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    last = pid()
    print(last.value)  # error
