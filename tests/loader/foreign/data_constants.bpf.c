// `.rodata`, which the verifier knows the values of.
// returns: probe 12
#include "foreign.h"
const volatile u32 limit = 5;
const volatile struct { u16 a; u8 b[3]; } shape = { 3, { 1, 2, 4 } };
SEC("socket") int probe(void *ctx)
{
	return limit + shape.a + shape.b[2];
}
