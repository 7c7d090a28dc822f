from pyebpf import EPERM, fentry, lsm


@fentry("vfs_read")
def watch(count):
    if count > 4096:
        return -EPERM  # error
    return 0


@lsm("file_open")
def judge(file):
    return EPERM  # error


@lsm("task_free")
def forget(task):
    return -EPERM  # error
