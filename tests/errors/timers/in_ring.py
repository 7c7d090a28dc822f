from pyebpf import RingBuf, Timer, struct, u64


@struct
class Flow:
    timer: Timer
    packets: u64


flows = RingBuf[Flow](size=4096)  # error
