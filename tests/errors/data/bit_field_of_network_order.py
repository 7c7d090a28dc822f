from pyebpf import be32, bits, char, struct, u8, u64


@struct
class Row:
    first: u64
    field: be32 = bits(3)  # error
