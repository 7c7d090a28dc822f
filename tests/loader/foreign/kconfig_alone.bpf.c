// Options and the program's own constants.
// returns: probe 8
#include "foreign.h"
extern unsigned int CONFIG_NR_CPUS __kconfig;
const volatile u32 own = 7;
SEC("socket") int probe(void *ctx) { return own + (CONFIG_NR_CPUS > 0); }
