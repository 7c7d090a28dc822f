from pyebpf import iterator, u8
from pyebpf.kfuncs import bpf_copy_from_user_str


@iterator("task")
def tasks(task):
    buffer = u8[16]()
    bpf_copy_from_user_str(buffer, 4096, 0)  # error
