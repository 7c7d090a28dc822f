"""Limits packets per second and source: a bucket of tokens for each, filled by time."""

from pyebpf import ETH_P_IP, XDP, Config, Ethernet, IPv4, IPv4Address, LruHash, ktime_ns, struct, u64, xdp

SECOND = 1_000_000_000

rate = Config[u64](10)  # tokens a second
burst = Config[u64](5)


@struct
class Bucket:
    tokens: u64  # in billionths, so that none is lost to rounding
    filled: u64


buckets = LruHash[IPv4Address, Bucket](max_entries=1024)


@xdp
def limit(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    source = packet.parse(IPv4).saddr
    now = ktime_ns()
    bucket = buckets.get(source)
    if bucket is None:
        buckets[source] = Bucket(tokens=(burst.value - 1) * SECOND, filled=now)
        return XDP.PASS
    passed = min(now - bucket.filled, SECOND * 60)
    bucket.filled = now
    bucket.tokens = min(bucket.tokens + passed * rate.value, burst.value * SECOND)
    if bucket.tokens < SECOND:
        return XDP.DROP
    bucket.tokens -= SECOND
    return XDP.PASS
