from pyebpf import bits, char, struct, u8, u64


@struct
class Row:
    first: u64 = 1
    flags: u8 = bits(2, 3)
    name: char[4] = 5  # error
