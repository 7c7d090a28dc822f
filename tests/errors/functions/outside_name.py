from pyebpf import tracepoint


def make():
    total = 0

    @tracepoint("raw_syscalls:sys_enter")
    def probe(ctx):
        nonlocal total
        total = 1  # error

    return probe


probe = make()
