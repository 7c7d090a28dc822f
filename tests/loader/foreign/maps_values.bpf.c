// Values of typedefs, enums, unions, bit fields and arrays.
// returns: probe 11
#include "foreign.h"
enum state { IDLE, BUSY = 7 };
typedef struct {
	enum state state : 4;
	unsigned int left : 28;
	union { u64 whole; u32 halves[2]; };
	const char *name;
	volatile _Bool set;
} entry_t;
typedef const u32 index_t;
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, index_t);
	__type(value, entry_t[3]);
	__uint(max_entries, 2);
} entries SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u32 one = 1;
	entry_t *found = bpf_map_lookup_elem(&entries, &one);
	if (!found)
		return 0;
	found[2].state = BUSY;
	found[2].halves[1] = 4;
	return found[2].state + (found[2].whole >> 32);
}
