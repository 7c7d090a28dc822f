/* What the programs of this folder begin with: the names that libbpf's users write, from libbpf's own headers. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define CORE __attribute__((preserve_access_index))
#define BARRIER asm volatile("" ::: "memory")
#ifndef NO_LICENSE
char LICENSE[] SEC("license") = "GPL";
#endif
