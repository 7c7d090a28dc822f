from pyebpf import function, pid, tracepoint

@function
def applied(f, x):
    return f(f, x)  # error

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    def factorial(n):
        return 1 if n == 0 else n * factorial(n - 1)  # error

    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)  # error

    print(factorial(pid()))
    print(even(pid()))
    print(applied(applied, 1))
