from pyebpf import struct, char


@struct
class Event:
    name: char  # error
