// Twin of tests/ports/programs/siphash.py: SipHash-2-4 of the packet's first 32 bytes under a key.
#include "twin.h"

const volatile u64 key0 = 0x0706050403020100, key1 = 0x0F0E0D0C0B0A0908;
u64 digest;
FAILURES(1);

static __always_inline u64 rotate(u64 x, int count)
{
	return x << count | x >> (64 - count);
}

static __always_inline void sip_round(u64 *a, u64 *b, u64 *c, u64 *d)
{
	*a += *b;
	*b = rotate(*b, 13) ^ *a;
	*a = rotate(*a, 32);
	*c += *d;
	*d = rotate(*d, 16) ^ *c;
	*a += *d;
	*d = rotate(*d, 21) ^ *a;
	*c += *b;
	*b = rotate(*b, 17) ^ *c;
	*c = rotate(*c, 32);
}

SEC("xdp")
int hash(struct xdp_md *ctx)
{
	u64 *words = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	u64 a = key0 ^ 0x736F6D6570736575, b = key1 ^ 0x646F72616E646F6D;
	u64 c = key0 ^ 0x6C7967656E657261, d = key1 ^ 0x7465646279746573;

	if ((void *)(words + 4) > end) {
		FAILED(0);
		return XDP_PASS;
	}
	for (int i = 0; i < 5; i++) {
		u64 word = i < 4 ? words[i] : 32ull << 56;

		d ^= word;
		for (int round = 0; round < 2; round++)
			sip_round(&a, &b, &c, &d);
		a ^= word;
	}
	c ^= 0xFF;
	for (int round = 0; round < 4; round++)
		sip_round(&a, &b, &c, &d);
	digest = a ^ b ^ c ^ d;
	return XDP_PASS;
}
