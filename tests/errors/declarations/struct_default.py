from pyebpf import struct, u32


@struct
class Event:
    pid: u32 = 0  # error
