// What the twins share: a counter for each thing that can fail, as pyebpf keeps one for each line that can.
// With -DBARE nothing of that is counted, and what fails is lost without a trace.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#ifdef BARE
#define FAILURES(count)
#define FAILED(which) do { } while (0)
#else
#define FAILURES(count) u64 failures[count]
#define FAILED(which) __sync_fetch_and_add(&failures[which], 1)
#endif

char LICENSE[] SEC("license") = "GPL";
