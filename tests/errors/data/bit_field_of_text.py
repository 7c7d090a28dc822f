from pyebpf import be32, bits, char, struct, u8, u64


@struct
class Row:
    first: u64
    field: char[8] = bits(3)  # error
