from pyebpf import Hash, Timer, struct, u32, u64


@struct
class Flow:
    timer: Timer
    packets: u64


flows = Hash[Flow, u32](max_entries=4)  # error
