// policy
#include "foreign.h"
SEC("lsm/file_open") int a(void *ctx) { return 0; }
