from pyebpf import kernel_str, tracepoint


@tracepoint("syscalls:sys_enter_execve")
def probe(ctx):
    print(kernel_str(ctx.filename))  # error
