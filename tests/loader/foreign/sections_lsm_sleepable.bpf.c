// policy
#include "foreign.h"
SEC("lsm.s/file_open") int a(void *ctx) { return 0; }
