from pyebpf import Array, Timer, struct, u32


@struct
class Inner:
    timer: Timer


@struct
class Slot:
    number: u32
    inner: Inner


slots = Array[Slot](max_entries=4)  # error
