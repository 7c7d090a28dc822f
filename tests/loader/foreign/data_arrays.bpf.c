// Places in arrays that are only known at run time; several names in one section.
// returns: probe 33
#include "foreign.h"
static volatile u32 table[16] = { 1, 2, 3, 30 };
static volatile u16 others[4] = { 1, 1, 1, 1 };
u32 at = 3;
SEC("socket") int probe(void *ctx)
{
	volatile u32 *place = &table[2];
	return table[at & 15] + *place - others[at & 3] + others[1];
}
