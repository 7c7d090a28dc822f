// A pointer into a packet that may lie elsewhere by now.
// complaint: packet-changed
#include "refused.h"
SEC("tc") int probe(struct __sk_buff *skb)
{
	u8 *data = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	if (data + 14 > end)
		return 0;
	bpf_skb_pull_data(skb, 14);
	return data[12];
}
