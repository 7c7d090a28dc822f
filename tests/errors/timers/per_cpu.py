from pyebpf import PerCpuArray, Timer, struct, u64


@struct
class Flow:
    timer: Timer
    packets: u64


flows = PerCpuArray[Flow](max_entries=4)  # error
