from pyebpf import Array, struct, u32, u64, union, xdp


@union
class Value:
    number: u64
    half: u32


@struct
class Row:
    value: Value


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    rows[0].value = Value(number=1, half=2)  # error
    rows[0].value = Value(third=2)  # error
    rows[0].value = 1  # error
    rows[0].value.half += 1
    rows[0].value.quarter = 1  # error
