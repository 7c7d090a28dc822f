// 1, 10 or 100 programs (-DPROGRAMS=N) on tracepoints of three kinds, for load_attach.py. Each is of an everyday size,
// has several CO-RE records, and uses maps and variables that all have in common.
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

struct task_struct {
	int pid, tgid;
	struct task_struct *real_parent;
	__u64 start_time;
	char comm[16];
} __attribute__((preserve_access_index));

struct event {
	__u64 age;
	__u32 pid, parent, number;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

const volatile __u32 watched = 0xffffffff; // nobody: the programs are loaded and attached, and do nothing
__u64 total;

static __always_inline int seen(struct task_struct *task, __u32 number)
{
	__u32 process = BPF_CORE_READ(task, tgid);
	struct event *event;
	__u64 one = 1, *count;

	if (process != watched)
		return 0;
	count = bpf_map_lookup_elem(&counts, &process);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &process, &one, BPF_NOEXIST);
	__sync_fetch_and_add(&total, 1);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->age = bpf_ktime_get_ns() - BPF_CORE_READ(task, start_time);
	event->pid = BPF_CORE_READ(task, pid);
	event->parent = BPF_CORE_READ(task, real_parent, tgid);
	event->number = number;
	BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

#define BTF(n, name)                                                                                                   \
	SEC("tp_btf/" #name) int BPF_PROG(program##n, struct task_struct *task) { return seen(task, 1##n); }
#define RAW(n, name)                                                                                                   \
	SEC("raw_tp/" #name) int program##n(struct bpf_raw_tracepoint_args *ctx)                                       \
	{                                                                                                              \
		return seen((struct task_struct *)ctx->args[0], 1##n);                                                 \
	}
#define PLAIN(n, name)                                                                                                 \
	SEC("tracepoint/sched/" #name) int program##n(void *ctx)                                                       \
	{                                                                                                              \
		return seen((struct task_struct *)bpf_get_current_task(), 1##n);                                       \
	}
#define TEN(n)                                                                                                         \
	BTF(n##0, sched_process_exit) RAW(n##1, sched_process_exit) PLAIN(n##2, sched_process_exit)                    \
	BTF(n##3, sched_process_free) RAW(n##4, sched_process_free) PLAIN(n##5, sched_process_free)                    \
	BTF(n##6, sched_wakeup_new) RAW(n##7, sched_wakeup_new) PLAIN(n##8, sched_wakeup_new)                          \
	BTF(n##9, sched_process_exit)

#if PROGRAMS == 1
BTF(0, sched_process_exit)
#else
TEN(0)
#endif
#if PROGRAMS == 100
TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) TEN(7) TEN(8) TEN(9)
#endif

char LICENSE[] SEC("license") = "GPL";
