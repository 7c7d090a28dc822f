from pyebpf import RingBuf, struct, u32


@struct
class Head:
    number: u32


pairs = RingBuf[Head, u32](size=4096)  # error
