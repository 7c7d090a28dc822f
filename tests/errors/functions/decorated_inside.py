from pyebpf import function, pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    @function  # error
    def size():
        return 1

    print(size())
