// A function that calls itself: the kernel refuses it, by an error and not by a loop.
// refused: recurs|back-edge|call stack|too deep|stack
#include "foreign.h"
static __noinline int down(int n)
{
	BARRIER;
	return n > 0 ? down(n - 1) + down(n - 2) : 1;
}
SEC("socket") int probe(void *ctx) { return down(3); }
