from pyebpf import pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    def size():
        return 1

    size = 5  # error
    other = size()
    size.value = other  # error
