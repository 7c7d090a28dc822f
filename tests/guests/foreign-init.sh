# The first process of a guest of another machine: the command is run, and what it leaves is sent over the console.
export PATH=/bin:/usr/bin:/sbin:/usr/sbin HOME=/root TERM=dumb PYTHONDONTWRITEBYTECODE=1 TMPDIR=/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
printf '#!/bin/sh\nexit 0\n' >/run/modprobe # everything is loaded already
chmod +x /run/modprobe
ip link set lo up
export PYTHONPATH=/project
sh /run/exchange/command
echo $? >/run/exchange/result
echo "=== exchange ==="
tar -C /run/exchange -cz . | base64
echo "=== end ==="
sync
poweroff -f
