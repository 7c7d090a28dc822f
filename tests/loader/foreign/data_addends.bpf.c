// Addresses in the middle of variables.
// returns: probe 70
#include "foreign.h"
struct wide { u64 words[8]; struct { u32 a, b; } pairs[4]; };
static volatile struct wide first = { .words = { [7] = 50 } };
volatile struct wide second = { .pairs = { [3] = { 1, 20 } } };
SEC("socket") int probe(void *ctx)
{
	return first.words[7] + second.pairs[3].b;
}
