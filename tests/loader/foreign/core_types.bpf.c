// CO-RE: numbers of types here and there, types that match.
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct list_head { struct list_head *next, *prev; } CORE;
struct hlist_node { struct hlist_node *next; } CORE;
u64 here, there, match;
SEC("socket") int probe(void *ctx)
{
	here = bpf_core_type_id_local(struct list_head);
	there = bpf_core_type_id_kernel(struct list_head);
	match = __builtin_preserve_type_info(*(struct list_head *)0, 2) +
		__builtin_preserve_type_info(*(struct hlist_node *)0, 2);
	return 0;
}
