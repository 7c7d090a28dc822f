from pyebpf import struct, u32


@struct  # error
class Event:
    pid: u32 = 0
