// A constant of the program that is written to.
// complaint: read-only
#include "refused.h"
volatile const u64 limit = 5;
SEC("socket") int probe(void *ctx)
{
	*(volatile u64 *)&limit = 6;
	return 0;
}
