from pyebpf import function, pid, tracepoint

@function
def make(amount):
    def add(x):
        return x + amount

    return add  # error

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(make(3)(pid()))
