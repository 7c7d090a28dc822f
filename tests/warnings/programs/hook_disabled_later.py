# options: --kernel 6.12
from pyebpf import Global, lsm, u64

allocated = Global[u64](0)


@lsm("file_alloc_security")  # warning
def on_file(file):
    allocated.value += 1
    return 0
