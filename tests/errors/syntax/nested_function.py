from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    def double(x):  # error
        return x * 2

    print(double(pid()))
