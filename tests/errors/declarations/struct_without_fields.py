from pyebpf import struct


@struct  # error
class Event:
    pass
