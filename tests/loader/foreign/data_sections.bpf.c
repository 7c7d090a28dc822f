// Data sections of other names.
// returns: probe 15
#include "foreign.h"
u32 custom SEC(".data.custom") = 1;
volatile u32 concealed SEC(".data.hidden") = 2;
const volatile u32 constant SEC(".rodata.mine") = 4;
volatile u32 empty[100] SEC(".bss.large");
u32 plain = 8;
SEC("socket") int probe(void *ctx)
{
	custom++;
	concealed++;
	empty[50]++;
	return custom - 1 + concealed - 1 + constant + plain + (empty[50] - 1);
}
