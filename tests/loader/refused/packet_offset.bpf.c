// A packet at an offset that may be very large.
// complaint: packet-offset
#include "refused.h"
SEC("xdp") int probe(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	u64 at = bpf_ktime_get_ns();
	if (data + at + 1 > end)
		return XDP_PASS;
	return data[at];
}
