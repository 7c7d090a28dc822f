from pyebpf import Global, Timer, struct, u64


@struct
class Flow:
    timer: Timer
    packets: u64


flows = Global[Flow]()  # error
