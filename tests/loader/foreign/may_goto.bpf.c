// A loop whose rounds the kernel counts.
// returns: probe 10
// linux: 6.9
// clang: -mcpu=v3
#include "foreign.h"
SEC("tc") int probe(struct __sk_buff *skb)
{
	u64 n = 0;
	for (;;) {
		asm volatile goto("1:.byte 0xe5; .byte 0; .long ((%l[end] - 1b - 8) / 8) & 0xffff; .short 0" : : : : end);
		if (++n >= 10)
			break;
	}
end:
	return n;
}
