"""R: the charter (charter.md); T-1 to T-6: descriptors, of the forms known here (anchor.md)."""

import hmac, hashlib, re, unicodedata
from basics import *

CLASSES = "text spend budget rule_change admit expel elect_treasurers replace_keys confiscate pause request".split()
PAYS = (1, 2, 10)
MAX = 2_100_000_000_000_000


class Charter:
    pass


class Rule:
    pass


def system(r):
    n = r.u8()
    need(n <= 9, "V-1")
    p = r.u16() if n == 4 else r.u32() if n == 8 else 0
    need(n not in (4, 8) or p, "V-1: a parameter of 0")
    return (n, p)


def rule(r):
    x = Rule()
    x.cls = r.u8()
    need(x.cls <= 10, "R-20")
    x.max = r.option(r.u64)
    x.review, x.voting, x.veto, x.expiry = r.u32(), r.u32(), r.u32(), r.u32()
    k = r.u8()
    need(k <= 1, "R-21 threshold")
    x.threshold = r.u16() if k else None
    x.quorum_kind = r.u8()
    need(x.quorum_kind <= 1, "R-21 quorum")
    x.quorum = r.u16()
    x.distinct = r.u32()
    x.systems = r.list(lambda: system(r), 16)
    x.veto_bp, x.oppose_bp = r.u16(), r.u16()
    x.final, x.early, x.surge = r.bool(), r.bool(), r.bool()
    x.bodies = r.list(r.u8, 3)
    need(all(b <= 2 for b in x.bodies), "R-22")
    x.deposit, x.min_support = r.u64(), r.u16()
    return x


def charter(b):
    need(len(b) <= 65536, "P-1")
    r = Reader(b)
    c = charter_in(r)
    r.end()
    return c


def charter_in(r):
    c, start = Charter(), r.at
    c.version = r.u8()
    need(1 <= c.version <= 3, "R-2 version")
    c.name, c.network = r.text(64), r.h()
    c.hub_node_key, c.hub_log_key, c.anchor_key = r.take(33), r.h(), r.h()
    c.descriptor = r.text(2048)
    c.treasurers = r.list(lambda: (r.text(64), r.take(33)), 64)
    c.founders = r.list(r.h, 64)
    k = r.u8()
    need(k <= 2, "R-10")
    c.admission, c.min_stake = k, r.u64()
    c.max_open = r.u16() if k == 2 else 1
    c.epoch_blocks, c.stake_confirmations, c.final_depth, c.hub_funding = r.u32(), r.u32(), r.u32(), r.u64()
    k = r.u8()
    need(k <= 3, "R-11")
    c.weight, c.cap_blocks = k, r.u32() if k == 3 else 1
    c.cap = r.option(r.u64)
    c.gates, c.gate_sat, c.seal_sat, c.spare_sat, c.link_rate = r.u8(), r.u64(), r.u64(), r.u64(), r.u64()
    c.gossip = r.list(lambda: r.text(256), 64)
    c.rules = r.list(lambda: rule(r), 64)
    c.spending_cap = r.option(lambda: (r.u32(), r.u64()))
    c.active_stake, c.step, c.threshold_step, c.shrink = r.u64(), r.u32(), r.u32(), r.u16()
    c.eligibility, c.cooldown, c.deposit_growth, c.pause_max = r.u32(), r.u32(), r.u32(), r.u32()
    c.excluded = r.list(r.h, 64)
    c.guardians, c.guard_threshold, c.guard_delay = r.list(r.h, 64), r.u16(), r.u32()
    c.pool, c.share, c.dues = r.u64(), r.u8(), r.u64()
    need(c.share <= 1, "R-40")
    c.delegation, c.max_parts = r.bool(), r.u16()
    c.comments, c.comment_votes, c.comment_bytes = r.u32(), r.u32(), r.u32()
    c.bond, c.dormant, c.suspension, c.forced = r.u64(), r.u32(), r.u32(), r.u32()
    c.anchored_links, c.window = r.bool(), r.u32()
    c.proposer = [0] * len(c.rules)
    c.staging = None
    if c.version > 1:
        c.proposer = r.list(r.u64, 64)
        need(len(c.proposer) == len(c.rules), "R-23")
        need(c.version == 3 or any(c.proposer), "R-23")
    if c.version == 3:
        c.staging = (r.u64(), r.u16(), r.u16(), r.list(lambda: r.take(33), 64))
    c.raw = r.b[start : r.at]
    c.hash = alt("charter", c.raw)
    return c


INVISIBLE = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad]")


def clean(s):
    return not INVISIBLE.search(s) and not any(unicodedata.category(x) in ("Cc", "Co", "Zl", "Zp") for x in s)


def within(x, least, most, why):
    need(least <= x <= most, "%s: %d" % (why, x))


def unique(l, why):
    need(len(set(l)) == len(l), why)


def check(c):
    name = NETWORKS.get(c.network)
    need(name, "R-51")
    reg = name == "regtest"
    for t in [c.name] + [n for n, _ in c.treasurers]:
        need(1 <= len(t.encode()) <= 64 and clean(t), "R-50: name")
    need(c.descriptor and clean(c.descriptor), "R-50: descriptor")
    for t in c.gossip:
        need(t and clean(t), "R-50: gossip")
    need(c.treasurers and c.founders and c.rules, "R-50")
    unique([k for _, k in c.treasurers], "R-52")
    unique([n.lower() for n, _ in c.treasurers], "R-52")
    for l in (c.founders, c.guardians, c.excluded):
        unique(l, "R-52")
        need(all(lift_x(k) for k in l), "R-52: no key")
    within(c.epoch_blocks, 1, 52560, "R-53")
    for v in (c.stake_confirmations, c.final_depth):
        within(v, 1 if reg else 6, 52560 if reg else 6, "R-54")
    need(c.hub_funding == 0, "R-55")
    within(c.gates, 1, 16, "R-56")
    for v in (c.gate_sat, c.seal_sat, c.spare_sat):
        within(v, 546, MAX, "R-56")
    need(c.link_rate >= 1, "R-56")
    if c.cap is not None:
        within(c.cap, 1, 2**63 - 1, "R-57")
    need(c.min_stake >= 1 and c.max_open >= 1, "R-58")
    within(c.cap_blocks, 1, 525600, "R-58")
    if c.admission == 0:
        need(c.weight in (0, 3) and c.cap is None, "R-59")
    least = 1 if reg else 6
    for v in (c.forced, c.window):
        within(v, least, 52560, "R-61")
    within(c.cooldown, 0, 52560, "R-61")
    last = {}
    for x in c.rules:
        within(x.voting, least, 52560, "R-61")
        within(x.expiry, 1, 52560, "R-61")
        within(x.review, 0, 52560, "R-61")
        within(x.veto, 0, 52560, "R-61")
        if not reg and x.cls in (3, 6, 7):
            need(x.veto >= 6, "R-62")
        if x.threshold is not None:
            within(x.threshold, 5001, 10000, "R-63")
        within(x.quorum, 1, 10000, "R-63")
        within(x.veto_bp, 1, 5000, "R-63")
        within(x.oppose_bp, 1, 5000, "R-63")
        if x.cls in last:
            need(last[x.cls] is not None and (x.max is None or x.max > last[x.cls]), "R-64")
        if x.cls not in PAYS:
            need(x.max is None and x.cls not in last, "R-64")
        last[x.cls] = x.max
        need(x.systems, "R-65")
        unique(x.systems, "R-65")
        for n, _ in x.systems:
            if n == 9:
                need(
                    x.cls == 0
                    or (
                        x.max is not None
                        and c.spending_cap
                        and c.active_stake >= 1
                        and x.max <= c.spending_cap[1] // 10
                    ),
                    "R-66",
                )
            if n not in (0, 1, 9):
                need(x.cls not in (3, 4, 5, 7, 8, 9, 10), "R-66")
                need(x.bodies == [0], "R-76")
            if n == 8:
                need(c.admission, "R-60")
        need(not x.early or x.final, "R-67")
        within(x.deposit, 0, 100_000_000, "R-70")
        within(x.min_support, 0, 2500, "R-70")
        unique(x.bodies, "R-76")
        need(x.bodies and (0 in x.bodies or x.cls == 9), "R-76")
        need(0 not in x.bodies or x.bodies[0] == 0, "R-76")
        if x.max is not None:
            within(x.max, 0, MAX, "R-57")
    need(c.pool == 0 or c.admission or c.share == 1, "R-60")
    within(c.pause_max, 1, 4320, "R-68")
    if not c.guardians:
        need(not c.guard_threshold and not c.guard_delay, "R-69")
    else:
        need(
            len(c.guardians) >= 2
            and len(c.guardians) < 2 * c.guard_threshold
            and c.guard_threshold <= len(c.guardians),
            "R-69",
        )
        within(c.guard_delay, 0, 4320, "R-69")
    within(c.deposit_growth, 0, 20000, "R-70")
    if c.spending_cap:
        within(c.spending_cap[0], 1, 52560, "R-71")
        within(c.spending_cap[1], 1, MAX, "R-71")
    within(c.step, 11000, 40000, "R-71")
    within(c.threshold_step, 10500, 20000, "R-71")
    within(c.shrink, 0, 5000, "R-71")
    within(c.eligibility, 1, 52, "R-71")
    within(c.dues, 0, c.min_stake, "R-72")
    within(c.max_parts, 1, 16, "R-73")
    within(c.comment_bytes, 1, 4096, "R-74")
    within(c.comments, 0, 100000, "R-74")
    within(c.comment_votes, 0, 100000, "R-74")
    need(c.dormant == 0 or 2 <= c.dormant <= 1000, "R-75")
    within(c.suspension, 0, 1000, "R-75")
    need(c.admission != 1 or 4 in last, "R-77")
    for v in (c.min_stake, c.link_rate, c.active_stake, c.pool, c.bond):
        within(v, 0, MAX, "R-57")
    if c.staging:
        sat, delay, k, keys = c.staging
        within(sat, 0, MAX, "R-57")
        within(delay, 1 if reg else 6, 4320, "G-122")
        within(len(keys), 1, 15, "G-122")
        within(k, 1, len(keys), "G-122")
        unique([x[1:] for x in keys] + [x[1:] for _, x in c.treasurers], "G-122")


def rule_of(c, cls, amount):
    """G-16: (rule, its number)."""
    for n, x in enumerate(c.rules):
        if x.cls == cls and (x.max is None or x.max >= amount):
            return x
    raise Invalid("G-16: no rule for %s of %d" % (CLASSES[cls], amount))


# --- descriptors
NUMS = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(s):
    n = 0
    need(len(s) == 111 and all(x in B58 for x in s), "T-4: no extended key")
    for x in s:
        n = n * 58 + B58.index(x)
    need(n < 1 << 656, "T-4")
    b = n.to_bytes(82, "big")
    need(dsha(b[:-4])[:4] == b[-4:], "T-4: checksum of an extended key")
    return b[:-4]


_cache = {}


def key_at(k, i):
    """Compressed key of a key expression at index i."""
    if (k, i) in _cache:
        return _cache[k, i]
    _cache[k, i] = v = _key_at(k, i)
    return v


def _key_at(k, i):
    k = re.sub(r"^\[[^\]]*\]", "", k)
    head, *path = k.split("/")
    if len(head) in (64, 66):
        b = bytes.fromhex(head)
        return b if len(b) == 33 else b"\2" + b
    if len(path) and "*" not in k:
        base, rest = k, None
    else:
        base, rest = "/".join([head] + path[:-1]) if path else k, path[-1:]
    if ("b", base) not in _cache:
        raw = base58(head)
        chain, pub = raw[13:45], raw[45:78]
        for step in base.split("/")[1:]:
            chain, pub = child(chain, pub, int(step))
        _cache["b", base] = (chain, pub)
    chain, pub = _cache["b", base]
    return child(chain, pub, i)[1] if rest else pub


def child(chain, pub, i):
    m = hmac.new(chain, pub + u32(i), hashlib.sha512).digest()
    p = decompress(pub)
    q = affine(jadd(jmul(int.from_bytes(m[:32], "big"), G), (p[0], p[1], 1)))
    return m[32:], compress(q)


def small(n):
    return bytes([0x50 + n]) if n <= 16 else bytes([1, n])


def multi(args, i, x_only, sort):
    k, keys = int(args[0]), [key_at(a, i) for a in args[1:]]
    if x_only:
        keys = [a[1:] for a in keys]
        if sort:
            keys.sort()
        return b"".join(b"\x20" + a + (b"\xba" if n else b"\xac") for n, a in enumerate(keys)) + small(k) + b"\x9c"
    if sort:
        keys.sort()
    return small(k) + b"".join(b"\x21" + a for a in keys) + small(len(keys)) + b"\xae"


def script_at(descriptor, i):
    d = descriptor.split("#")[0]
    m = re.fullmatch(r"wsh\((sortedmulti|multi)\(([^()]*)\)\)", d)
    if m:
        return b"\x00\x20" + sha(multi(m[2].split(","), i, False, m[1] == "sortedmulti"))
    m = re.fullmatch(r"tr\((?:%s),(sortedmulti_a|multi_a)\(([^()]*)\)\)" % NUMS, d)
    if m:
        s = multi(m[2].split(","), i, True, m[1] == "sortedmulti_a")
        n = bytes([len(s)]) if len(s) < 253 else b"\xfd" + len(s).to_bytes(2, "little")
        return taproot(bytes.fromhex(NUMS), h_tag("TapLeaf", b"\xc0" + n + s))
    raise CannotTell("T-4: a form of descriptor that is not known here: " + d)
