from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    match pid():  # error
        case 1:
            print("init")
        case _:
            print("other")
