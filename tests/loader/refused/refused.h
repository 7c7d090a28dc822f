/* What the programs of this folder begin with. Each has one mistake, which the verifier finds. */
#include "../foreign/foreign.h"

#define ARRAY(name, what, count)                                                                                       \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                                      \
		__type(key, u32);                                                                                      \
		__type(value, what);                                                                                   \
		__uint(max_entries, count);                                                                            \
	} name SEC(".maps")
