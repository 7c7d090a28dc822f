// A function with pointers, one with a struct of the stack, one that never returns a value.
// returns: probe 30
#include "foreign.h"
struct pair { u64 a, b; };
static __noinline void fill(struct pair *pair, u64 a)
{
	pair->a = a;
	pair->b = 2 * a;
}
__noinline int sum(struct pair *pair)
{
	if (!pair)
		return 0;
	return pair->a + pair->b;
}
SEC("socket") int probe(void *ctx)
{
	struct pair pair;
	fill(&pair, 10);
	return sum(&pair);
}
