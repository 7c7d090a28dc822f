from pyebpf import struct, syscall, u32, u64


@struct
class Large:
    parts: u64[200]


@struct
class Arguments:
    key: u32


@syscall
def two(first: Arguments, second: Arguments):  # error
    pass


@syscall
def untyped(args):  # error
    pass


@syscall
def number(args: u32):  # error
    pass


@syscall
def large(args: Large):  # error
    pass
