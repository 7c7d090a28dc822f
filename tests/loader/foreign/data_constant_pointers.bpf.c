// Addresses in data (R_BPF_64_ABS64), which no program can follow; here none does.
// returns: probe 5
// warns: section .data holds addresses
#include "foreign.h"
static u32 target = 1;
u32 *place = &target;
u32 plain = 5;
SEC("socket") int probe(void *ctx)
{
	target++;
	return plain;
}
