// CO-RE: values of enumerators, of 32 and 64 bits, and whether they are there.
// returns: probe 7
#include "foreign.h"
#include <bpf/bpf_core_read.h>
enum bpf_map_type___ours { BPF_MAP_TYPE_ARRAY___ours = 77, BPF_MAP_TYPE_NONE___ours = 78 };
enum wide { WIDE = 0x100000000ULL };
SEC("socket") int probe(void *ctx)
{
	return bpf_core_enum_value(enum bpf_map_type___ours, BPF_MAP_TYPE_ARRAY___ours) +
	       5 * bpf_core_enum_value_exists(enum bpf_map_type___ours, BPF_MAP_TYPE_ARRAY___ours) +
	       10 * bpf_core_enum_value_exists(enum bpf_map_type___ours, BPF_MAP_TYPE_NONE___ours) +
	       20 * bpf_core_enum_value_exists(enum wide, WIDE);
}
