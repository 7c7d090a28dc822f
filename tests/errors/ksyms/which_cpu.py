"""A per-CPU variable is one variable for each CPU, and only BTF's are known to be that."""

from pyebpf import Global, tp_btf, u64
from pyebpf.helpers import per_cpu_ptr, this_cpu_ptr
from pyebpf.ksyms import irq_stat, jiffies, runqueues

out = Global[u64](0)


@tp_btf("sched_switch")
def probe(preempt, prev, next):
    out.value = runqueues.nr_running  # error
    out.value = this_cpu_ptr(jiffies)  # error
    out.value = this_cpu_ptr(prev).tgid  # error
    out.value = this_cpu_ptr(out)  # error
    out.value = per_cpu_ptr(runqueues).nr_running  # error
    out.value = per_cpu_ptr(runqueues, prev).nr_running  # error
    out.value = this_cpu_ptr(irq_stat).softirq  # error
    out.value = this_cpu_ptr(runqueues).nr_runing  # error
    out.value = runqueues  # error
    this_cpu_ptr(runqueues).nr_running = 1  # error
