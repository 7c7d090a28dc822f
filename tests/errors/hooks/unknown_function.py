from pyebpf import Global, fentry, tp_btf, u64

seen = Global[u64](0)


@fentry("vfs_raed")  # error
def probe(count):
    seen.value += count


@tp_btf("sched_swich")  # error
def switch(prev, next):
    seen.value += 1
