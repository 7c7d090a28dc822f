from pyebpf import Global, char, kprobe, kretprobe, u64

seen = Global[u64](0)


@kprobe("vfs_raed")  # error
def probe(count):
    seen.value += count


@kprobe("a function that there is not")  # error
def other(count):
    seen.value += count


@kretprobe("a function that there is not")  # error
def result(ret):
    seen.value += 1


@kprobe("a function that there is not")
def of_a_type_that_no_register_holds(name: char[16]):  # error
    seen.value += 1


@kretprobe("vfs_read")
def read(count):  # error
    seen.value += count


@kprobe("call_usermodehelper_setup")
def beyond_the_registers(data):  # error
    seen.value += 1


@kprobe("a function that there is not")
def accepted(count: u64):
    seen.value += count
