from pyebpf import struct, char


@struct  # error
class Event:
    name: char
