// `.data` and `.bss`.
// returns: probe 48
#include "foreign.h"
u64 hits = 40;
u64 nothing;
static volatile u32 hidden[3] = { 1, 2, 3 };
static volatile u8 counted;
SEC("socket") int probe(void *ctx)
{
	hits += 5;
	nothing++;
	counted++;
	return hits + nothing + hidden[0] + counted;
}
