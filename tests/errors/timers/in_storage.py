from pyebpf import TaskStorage, Timer, struct, u64


@struct
class Flow:
    timer: Timer
    packets: u64


flows = TaskStorage[Flow]()  # error
