// What happens to sockets.
#include "foreign.h"
#define P(section, name, result) SEC(section) int name(void *ctx) { return result; }
P("sk_reuseport", a, SK_PASS)
P("sk_reuseport/migrate", b, SK_PASS)
P("sk_skb", c, SK_PASS)
P("sk_skb/stream_parser", d, 1)
P("sk_skb/stream_verdict", e, SK_PASS)
P("sk_msg", f, SK_PASS)
P("sk_lookup", g, SK_PASS)
P("sockops", h, 1)
