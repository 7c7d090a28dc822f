// What libbpf of 1.1 has no name for.
#include "foreign.h"
SEC("sk_skb/verdict") int a(void *ctx) { return SK_PASS; }
