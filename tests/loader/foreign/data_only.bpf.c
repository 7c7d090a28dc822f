// Data that no program names.
// returns: probe 0
#include "foreign.h"
u32 unused = 7;
u32 settings[4];
SEC("socket") int probe(void *ctx) { return 0; }
