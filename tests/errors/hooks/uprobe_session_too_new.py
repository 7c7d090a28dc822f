# options: --kernel 6.6
"""Sessions came with Linux 6.13."""
from pyebpf import uprobe


@uprobe.session("libc", "pthread_*")
def many():  # error
    return 1
