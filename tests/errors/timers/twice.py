from pyebpf import Hash, Timer, struct, u32


@struct
class Flow:
    first: Timer
    second: Timer


@struct
class Nested:
    inner: Flow


flows = Hash[u32, Flow](max_entries=4)  # error
