from pyebpf import tracepoint, char, user_str


@tracepoint("syscalls:sys_enter_execve")
def probe(ctx):
    name: char[1024] = user_str(ctx.filename)  # error
    print(name)
