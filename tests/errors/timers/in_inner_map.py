from pyebpf import Array, ArrayOfMaps, Timer, struct, u64


@struct
class Flow:
    timer: Timer
    packets: u64


flows = ArrayOfMaps[Array[Flow](max_entries=4)](max_entries=4)  # error
