from pyebpf import Global, kretsyscall, ksyscall, u64

seen = Global[u64](0)


@ksyscall("opanat")  # error
def probe(filename):
    seen.value += 1


@ksyscall("openat")
def opening(filname, ret):  # error  # error
    seen.value += 1


@kretsyscall("openat")
def opened(dfd):  # error
    seen.value += 1
