from pyebpf import pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    def shown():
        print(name)  # error

    def set():
        nonlocal other
        other = 2

    shown()
    name = pid()
    if pid():
        other = 1
    set()
    print(other)  # error
