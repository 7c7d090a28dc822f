// Types that nobody uses, long names, names in UTF-8.
// returns: probe 1
#include "foreign.h"
struct a_name_that_is_much_longer_than_what_the_kernel_would_take_for_the_name_of_a_map_or_a_program { u32 a; };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, struct a_name_that_is_much_longer_than_what_the_kernel_would_take_for_the_name_of_a_map_or_a_program);
	__uint(max_entries, 1);
} a_map_with_a_name_of_more_than_fifteen_bytes SEC(".maps");
SEC("socket") int a_program_with_a_long_name(void *ctx)
{
	u32 zero = 0;
	return !bpf_map_lookup_elem(&a_map_with_a_name_of_more_than_fifteen_bytes, &zero);
}
SEC("socket") int probe(void *ctx) { return 1; }
