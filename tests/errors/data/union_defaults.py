from pyebpf import u8, u64, union


@union
class Value:
    first: u64 = 1
    second: u8 = 2  # error
