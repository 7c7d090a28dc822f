// Twin of samples/execsnoop.py: an event for every program that starts.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct exec {
	u32 pid;
	u32 ppid;
	u32 uid;
	u32 unused;
	u64 time; // ns since boot
	char comm[16];
	char filename[128];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); // bytes
} execs SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve(struct trace_event_raw_sys_enter *ctx)
{
	struct task_struct *current;
	struct exec *event;

	event = bpf_ringbuf_reserve(&execs, sizeof(*event), 0);
	if (!event)
		return 0;
	current = (struct task_struct *)bpf_get_current_task();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->ppid = BPF_CORE_READ(current, real_parent, tgid);
	event->uid = (u32)bpf_get_current_uid_gid();
	event->unused = 0;
	event->time = bpf_ktime_get_ns();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_probe_read_user_str(event->filename, sizeof(event->filename), (const char *)ctx->args[0]);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
