from pyebpf import struct, u32


@struct
class Event:
    values: u32[-4]  # error
