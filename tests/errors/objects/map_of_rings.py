from pyebpf import ArrayOfMaps, RingBuf, struct, u32


@struct
class Event:
    number: u32


rings = ArrayOfMaps[RingBuf[Event](size=4096)](max_entries=8)  # error
