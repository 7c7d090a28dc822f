from pyebpf import Global, fentry, fexit, tp_btf, u64

seen = Global[u64](0)


@fentry("vfs_read")
def before(file, cuont):  # error
    seen.value += 1


@fentry("vfs_read")
def without_a_result(ret):  # error
    seen.value += 1


@fexit("vfs_read")
def after(nothing_of_it, count, ret):  # error
    seen.value += count


@tp_btf("sched_switch")
def switch(preempted):  # error
    seen.value += 1
