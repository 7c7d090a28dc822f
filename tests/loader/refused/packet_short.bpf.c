// A packet of which less was checked than is read.
// complaint: packet-range
#include "refused.h"
SEC("xdp") int probe(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	if (data + 14 > end)
		return XDP_PASS;
	return data[23] == 6 ? XDP_DROP : XDP_PASS;
}
