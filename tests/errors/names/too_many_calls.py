from pyebpf import function, tracepoint

@function
def f0(x):
    return x + 1

@function
def f1(x):
    return f0(x) + f0(x + 1)

@function
def f2(x):
    return f1(x) + f1(x + 1)  # error

@function
def f3(x):
    return f2(x) + f2(x + 1)

@function
def f4(x):
    return f3(x) + f3(x + 1)

@function
def f5(x):
    return f4(x) + f4(x + 1)

@function
def f6(x):
    return f5(x) + f5(x + 1)

@function
def f7(x):
    return f6(x) + f6(x + 1)

@function
def f8(x):
    return f7(x) + f7(x + 1)

@function
def f9(x):
    return f8(x) + f8(x + 1)

@function
def f10(x):
    return f9(x) + f9(x + 1)

@function
def f11(x):
    return f10(x) + f10(x + 1)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    assert f11(ctx.id & 7) > 0
