// Congestion control: structs of operations, by a link and without one, and one that is loaded only if it is asked for.
#include "foreign.h"
#include <bpf/bpf_tracing.h>
struct sock { int unused; } CORE;
struct tcp_congestion_ops___here {
	u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, u32 ack, u32 acked);
	void (*init)(struct sock *sk);
	u32 (*undo_cwnd)(struct sock *sk);
	u32 flags;
	char name[16];
	u64 no_such_member;
};
u64 begun, window = 7;
SEC("struct_ops/begin") void BPF_PROG(begin, struct sock *sk)
{
	__sync_fetch_and_add(&begun, 1);
}
SEC("struct_ops") u32 BPF_PROG(threshold, struct sock *sk) { return window; }
SEC("struct_ops") void BPF_PROG(avoid, struct sock *sk, u32 ack, u32 acked) {}
SEC("struct_ops") u32 BPF_PROG(undo, struct sock *sk) { return window; }
SEC("struct_ops") u32 BPF_PROG(alone, struct sock *sk) { return 1; }
SEC(".struct_ops.link") struct tcp_congestion_ops___here linked = {
	.init = (void *)begin, .ssthresh = (void *)threshold, .cong_avoid = (void *)avoid, .undo_cwnd = (void *)undo,
	.name = "pyebpf_linked",
};
SEC(".struct_ops") struct tcp_congestion_ops___here plain = {
	.init = (void *)begin, .ssthresh = (void *)threshold, .cong_avoid = (void *)avoid, .undo_cwnd = (void *)undo,
	.name = "pyebpf_plain",
};
SEC("?.struct_ops.link") struct tcp_congestion_ops___here optional = {
	.ssthresh = (void *)alone, .cong_avoid = (void *)avoid, .undo_cwnd = (void *)undo, .name = "pyebpf_asked",
};
#ifdef MISSING
SEC(".struct_ops.link") struct tcp_congestion_ops___here wrong = {
	.ssthresh = (void *)threshold, .name = "pyebpf_wrong", .no_such_member = 1,
};
#endif
#ifdef UNKNOWN
struct no_such_operations { u32 (*one)(struct sock *sk); };
SEC(".struct_ops.link") struct no_such_operations unknown = { .one = (void *)threshold };
#endif
