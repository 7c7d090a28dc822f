// Functions in a section whose name means nothing to libbpf: it takes them for programs.
// returns: probe 15
// libbpf: refuses
#include "foreign.h"
SEC("elsewhere") __attribute__((noinline)) int twice(int n)
{
	BARRIER;
	return n * 2;
}
SEC("elsewhere") __attribute__((noinline)) int more(int n)
{
	BARRIER;
	return twice(n) + 1;
}
SEC("socket") int probe(void *ctx)
{
	return more(7);
}
