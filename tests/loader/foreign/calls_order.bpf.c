// Many functions that call each other: which comes first decides what the instructions are.
// returns: first 27, second 11
#include "foreign.h"
#define F(name, result) static __noinline int name(int n) { BARRIER; return result; }
F(a, n + 1)
F(b, a(n) + a(n + 1))
F(c, n * 2)
F(d, c(n) + b(n))
F(e, d(n) + c(n) + a(n))
SEC("tc") int first(struct __sk_buff *skb) { return e(2) + b(3); }
SEC("tc") int second(struct __sk_buff *skb) { return c(1) + b(2) + a(1); }
