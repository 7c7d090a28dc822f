from pyebpf import Global, pid, tracepoint, u32

out = Global[u32](0)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    def size():
        return 1

    out.value = size  # error
    out.value = size(1)  # error
    out.value = size(by=1)  # error
