// Weak and hidden functions.
// returns: probe 8
#include "foreign.h"
__weak int weak(int n)
{
	BARRIER;
	return n + 1;
}
__hidden __noinline int hidden(int n)
{
	BARRIER;
	return n + 2;
}
__weak __hidden int both(int n)
{
	BARRIER;
	return n + 4;
}
SEC("tc") int probe(struct __sk_buff *skb) { return weak(1) + hidden(0) + both(0); }
