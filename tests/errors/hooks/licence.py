from pyebpf import tracepoint, user_str

__license__ = "Proprietary"


@tracepoint("syscalls:sys_enter_execve")
def probe(ctx):
    print(user_str(ctx.filename))  # error
