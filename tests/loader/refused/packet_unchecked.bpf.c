// A packet's header, without a look at its end.
// complaint: packet-range
#include "refused.h"
SEC("xdp") int probe(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data;
	return data[23] == 6 ? XDP_DROP : XDP_PASS;
}
