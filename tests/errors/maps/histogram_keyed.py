from pyebpf import Histogram, LinearHistogram, comm, char, ktime_ns, tracepoint

times = Histogram[char[16]](unit="ns", max_entries=64)
parts = LinearHistogram(0, 100, 10)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    times.observe(ktime_ns())  # error
    times[comm()] += 1  # error
    times[comm()].add(7)  # error
    del times[comm()]  # error
    x = times[comm()] + 1  # error
    times[7].observe(1)  # error
    parts.observe(1, 2, 3)  # error
    parts.observe(comm())  # error
    parts[3].observe(1)  # error
