// Maps of sockets.
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__type(key, u32);
	__type(value, u32);
	__uint(max_entries, 4);
} sockmap SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__type(key, u64);
	__type(value, u64);
	__uint(max_entries, 4);
} sockhash SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 4);
} reuseport SEC(".maps");
SEC("sk_skb/stream_verdict") int verdict(struct __sk_buff *skb)
{
	u64 key = 1;
	if (skb->len > 100)
		return bpf_sk_redirect_hash(skb, &sockhash, &key, 0);
	return bpf_sk_redirect_map(skb, &sockmap, 0, 0);
}
SEC("sk_reuseport") int choose(struct sk_reuseport_md *ctx)
{
	u32 key = 0;
	bpf_sk_select_reuseport(ctx, &reuseport, &key, 0);
	return SK_PASS;
}
