from pyebpf import lsm


@lsm("inode_getsecurity")  # error
def judge(inode):
    return 0


@lsm("is_sleepable_hook")  # error
def no_hook():
    return 0
