// Variables that are aligned, of 128 bits.
// returns: probe 7
#include "foreign.h"
volatile u8 first = 1;
volatile u32 aligned __attribute__((aligned(64))) = 2;
volatile __uint128_t wide = 4;
SEC("socket") int probe(void *ctx)
{
	return first + aligned + (u32)wide;
}
