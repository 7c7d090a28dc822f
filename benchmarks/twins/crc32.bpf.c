// Twin of tests/ports/programs/crc32.py: the CRC-32 of a packet's first bytes, bit by bit.
#include "twin.h"

#define POLYNOMIAL 0xEDB88320

u32 crc;
FAILURES(1);

SEC("xdp")
int checksum(struct xdp_md *ctx)
{
	u8 *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 value = 0xFFFFFFFF;

	for (int i = 0; i < 128; i++) {
		if (start + i + 1 > end)
			break;
		value ^= start[i];
		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ POLYNOMIAL : value >> 1;
	}
	crc = value ^ 0xFFFFFFFF;
	return XDP_PASS;
}
