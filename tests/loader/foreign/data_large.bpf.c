// More data than most programs have.
// returns: probe 3
#include "foreign.h"
u8 buffer[200000];
u32 last[1000] = { [999] = 3 };
SEC("socket") int probe(void *ctx)
{
	buffer[150000] = last[999];
	return buffer[150000];
}
