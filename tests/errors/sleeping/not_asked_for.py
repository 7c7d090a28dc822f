from pyebpf import iterator, u8
from pyebpf.helpers import copy_from_user


@iterator("task")
def tasks(task):
    buffer = u8[16]()
    copy_from_user(buffer, task.pid)  # error
