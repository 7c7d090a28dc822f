from pyebpf import lsm


@lsm("socket_bind")
def judge(addrlen, ret):
    if ret != 0:
        return ret
    return addrlen  # error
