from pyebpf import lsm


@lsm("inode_xattr_skipcap")
def judge(name, ret):
    if ret == 1:
        return ret
    return -1  # error
