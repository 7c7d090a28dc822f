from pyebpf import PerCpuArray, SpinLock, struct, u64


@struct
class Account:
    lock: SpinLock
    balance: u64


accounts = PerCpuArray[Account](max_entries=4)  # error
