// A loop by the kernel's iterator of numbers.
// returns: probe 45
// linux: 6.4
#include "foreign.h"
struct bpf_iter_num { u64 opaque[1]; } __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
SEC("tc") int probe(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	u32 sum = 0;
	int *at;
	bpf_iter_num_new(&it, 0, 10);
	while ((at = bpf_iter_num_next(&it)))
		sum += *at;
	bpf_iter_num_destroy(&it);
	return sum;
}
