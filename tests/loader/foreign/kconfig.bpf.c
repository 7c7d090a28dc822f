// Options of the kernel, of all kinds.
// returns: probe 3
#include "foreign.h"
extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_NET __kconfig;
extern unsigned long CONFIG_HZ __kconfig;
extern char CONFIG_CC_VERSION_TEXT[20] __kconfig;
extern char CONFIG_INET __kconfig;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;
extern _Bool LINUX_HAS_BPF_COOKIE __kconfig;
u64 found[3];
SEC("socket") int probe(void *ctx)
{
	found[0] = CONFIG_HZ;
	found[1] = CONFIG_CC_VERSION_TEXT[1];
	found[2] = LINUX_HAS_BPF_COOKIE;
	if (CONFIG_NO_SUCH_OPTION)
		return 9;
	return CONFIG_BPF_SYSCALL + (CONFIG_NET == TRI_YES) + (LINUX_KERNEL_VERSION > 0x50000 && CONFIG_INET == 'y');
}
