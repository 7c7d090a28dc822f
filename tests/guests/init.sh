#!/bin/sh
# The first process of the guest: what a command needs is mounted, the command is run, its exit code is told, and it's over.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb PYTHONDONTWRITEBYTECODE=1 TMPDIR=/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
value() { tr ' ' '\n' </proc/cmdline | sed -n "s/^pyebpf.$1=//p"; }
# The host's modules aren't this kernel's: modprobe looks where the guest's are.
printf '#!/bin/sh\nexec /sbin/modprobe -d %s "$@"\n' "$(value modules)" >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
ip link set lo up 2>/dev/null
mkdir /run/exchange
mount -t virtiofs exchange /run/exchange
sh /run/exchange/command
echo $? >/run/exchange/result
sync
echo o >/proc/sysrq-trigger
sleep 9
