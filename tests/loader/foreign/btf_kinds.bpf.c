// BTF of all kinds that clang makes: FLOAT, ENUM64, DECL_TAG, TYPE_TAG, FWD, functions in types.
// returns: probe 2
#include "foreign.h"
enum wide { BELOW = -1, ABOVE = 0x123456789aLL };
struct unknown;
union other;
typedef int (*callback_t)(const volatile struct unknown *, union other *restrict, ...);
struct everything {
	float f;
	double d;
	enum wide wide;
	enum { UNNAMED_MINUS = -5 } small;
	struct unknown *u;
	callback_t call;
	int __attribute__((btf_type_tag("user"))) *tagged;
	u8 bytes[] __attribute__((btf_decl_tag("flexible")));
} __attribute__((btf_decl_tag("whole")));
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, struct everything);
	__uint(max_entries, 1);
} cells SEC(".maps");
u32 number __attribute__((btf_decl_tag("variable"))) = 2;
SEC("socket") int probe(void *ctx)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&cells, &zero) ? number : 0;
}
