// Twin of samples/execsnoop.py: an event for every program that starts.
#include "twin.h"
#include <bpf/bpf_core_read.h>

struct exec {
	u64 time; // ns since boot
	u32 pid;
	u32 ppid;
	u32 uid;
	char comm[16];
	char filename[256];
	u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); // bytes
} execs SEC(".maps");

FAILURES(1);

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve(struct trace_event_raw_sys_enter *ctx)
{
	struct task_struct *current;
	struct exec *event;

	event = bpf_ringbuf_reserve(&execs, sizeof(*event), 0);
	if (!event) {
		FAILED(0);
		return 0;
	}
	event->unused = 0;
	event->time = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	current = (struct task_struct *)bpf_get_current_task();
	event->ppid = BPF_CORE_READ(current, real_parent, tgid);
	event->uid = (u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_probe_read_user_str(event->filename, sizeof(event->filename), (const char *)ctx->args[0]);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
