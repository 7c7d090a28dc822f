from pyebpf import pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if pid() > 5:
        def size():
            return 1

    print(size())  # error
