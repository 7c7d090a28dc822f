// Text without a name, in `.rodata.str1.1`.
// returns: probe 0
#include "foreign.h"
static const char *const words[] = { "one", "two", "three" };
SEC("socket") int probe(void *ctx)
{
	const char *word = words[1];
	bpf_trace_printk("hello %d\n", 10, 5);
	return bpf_strncmp(word, 3, "two");
}
