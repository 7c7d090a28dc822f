from pyebpf import fentry, lsm


@lsm("task_kill", sleepable=True)  # error
def judge(p):
    return 0


@fentry("vfs_read", sleepable=True)  # error
def reads(file):
    pass
