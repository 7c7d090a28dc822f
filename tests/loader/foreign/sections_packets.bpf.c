// What packets go through.
#include "foreign.h"
#define P(section, name, result) SEC(section) int name(void *ctx) { return result; }
P("socket", a, 0)
P("tc", b, 0)
P("classifier", c, 0)
P("action", d, 0)
P("xdp", e, XDP_PASS)
P("xdp.frags", f, XDP_PASS)
P("xdp/devmap", g, XDP_PASS)
P("xdp.frags/devmap", h, XDP_PASS)
P("xdp/cpumap", i, XDP_PASS)
P("xdp.frags/cpumap", j, XDP_PASS)
P("lwt_in", k, 0)
P("lwt_out", l, 0)
P("lwt_xmit", m, 0)
P("lwt_seg6local", n, 0)
P("flow_dissector", o, 0)
