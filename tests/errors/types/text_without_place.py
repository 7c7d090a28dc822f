from pyebpf import tracepoint, user_str


@tracepoint("syscalls:sys_enter_execve")
def probe(ctx):
    name = user_str(ctx.filename)  # error
    print(name)
