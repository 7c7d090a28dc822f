from pyebpf import tracepoint


def make():
    total = 0

    @tracepoint("raw_syscalls:sys_enter")
    def probe(ctx):
        nonlocal total  # error
        total += 1

    return probe


probe = make()
