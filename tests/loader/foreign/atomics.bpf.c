// Atomic operations of all kinds.
// returns: probe 22
// clang: -mcpu=v3
#include "foreign.h"
u64 wide = 5;
u32 narrow = 6;
SEC("socket") int probe(void *ctx)
{
	u64 before = __sync_fetch_and_add(&wide, 3);
	u32 old = __sync_val_compare_and_swap(&narrow, 6, 9);
	__sync_fetch_and_or(&wide, 16);
	__sync_fetch_and_and(&wide, 31);
	u64 last = __sync_lock_test_and_set(&wide, 2);
	__sync_fetch_and_xor(&narrow, 1);
	return before + old + (last & 7) + narrow + (last >> 4) + wide;
}
