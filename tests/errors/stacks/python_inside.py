from pyebpf import Array, SpinLock, Stacks, function, kprobe, pid, profile, python_stack, struct, u64


@struct
class Value:
    lock: SpinLock
    count: u64


values = Array[Value](max_entries=1)
stacks = Stacks()
others = Stacks()


@kprobe("do_sys_openat2")
def while_a_lock_is_held(ctx):
    value = values[0]
    with value.lock:
        value.count += 1
        stacks[python_stack()] += 1  # error


@function
def deep1(number):
    stacks[python_stack()] += number  # error


@function
def deep2(number):
    deep1(number)


@function
def deep3(number):
    deep2(number)


@function
def deep4(number):
    deep3(number)


@function
def deep5(number):
    deep4(number)


@function
def deep6(number):
    deep5(number)


@function
def deep7(number):
    deep6(number)


@function
def deep8(number):
    deep7(number)


@function
def deep9(number):
    deep8(number)


@function
def deep10(number):
    deep9(number)


@function
def deep11(number):
    deep10(number)


@function
def deep12(number):
    deep11(number)


@function
def deep13(number):
    deep12(number)


@profile
def inside_of_many_calls(ctx):
    deep13(pid())


@profile
def twice_in_a_key(ctx):
    others[python_stack(), python_stack()] += 1  # error
