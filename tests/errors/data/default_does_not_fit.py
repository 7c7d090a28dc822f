from pyebpf import struct, u8, u64


@struct
class Row:
    first: u64
    field: u8 = 300  # error
