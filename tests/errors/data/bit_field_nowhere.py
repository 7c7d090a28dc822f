from pyebpf import bits, struct, u8, u64


@struct(packed=True)
class Row:
    first: u8 = bits(4)
    field: u64 = bits(20)  # error
