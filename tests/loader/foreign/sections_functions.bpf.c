// What needs fentry, which this machine may refuse.
// policy
#include "foreign.h"
#define P(section, name) SEC(section) int name(void *ctx) { return 0; }
P("fentry/do_unlinkat", a)
