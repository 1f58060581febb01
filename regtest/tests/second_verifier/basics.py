"""E: encodings, hashes, signatures (encoding.md); Bitcoin's transactions, branches and headers (anchor.md)."""

from hashlib import sha256


class Invalid(Exception):
    pass  # exit 1


class CannotTell(Exception):
    pass  # exit 2


def need(ok, why):
    if not ok:
        raise Invalid(why)


# --- hashes
def sha(b):
    return sha256(b).digest()


def dsha(b):
    return sha(sha(b))


def h_tag(tag, m):
    t = sha(tag.encode())
    return sha(t + t + m)


def alt(name, m):
    return h_tag("althing/%s/v1" % name, m)


# --- secp256k1, BIP340
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def jdouble(p):
    x, y, z = p
    if not y:
        return (0, 1, 0)
    s = 4 * x * y * y % P
    m = 3 * x * x % P
    x3 = (m * m - 2 * s) % P
    return (x3, (m * (s - x3) - 8 * pow(y, 4, P)) % P, 2 * y * z % P)


def jadd(p, q):
    if not p[2]:
        return q
    if not q[2]:
        return p
    x1, y1, z1 = p
    x2, y2, z2 = q
    a, b = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * b % P, x2 * a % P
    s1, s2 = y1 * b * z2 % P, y2 * a * z1 % P
    if u1 == u2:
        return jdouble(p) if s1 == s2 else (0, 1, 0)
    h, r = (u2 - u1) % P, (s2 - s1) % P
    h2 = h * h % P
    h3 = h2 * h % P
    v = u1 * h2 % P
    x3 = (r * r - h3 - 2 * v) % P
    return (x3, (r * (v - x3) - s1 * h3) % P, h * z1 * z2 % P)


def jmul(k, p):
    r, q = (0, 1, 0), (p[0], p[1], 1)
    while k:
        if k & 1:
            r = jadd(r, q)
        q = jdouble(q)
        k >>= 1
    return r


def affine(p):
    if not p[2]:
        return None
    i = pow(p[2], -1, P)
    return (p[0] * i * i % P, p[1] * i * i * i % P)


def lift_x(b):
    x = int.from_bytes(b, "big")
    if x >= P:
        return None
    c = (x * x * x + 7) % P
    y = pow(c, (P + 1) // 4, P)
    if y * y % P != c:
        return None
    return (x, y if y % 2 == 0 else P - y)


def decompress(k):
    p = lift_x(k[1:]) if k[0] in (2, 3) else None
    return p and (p if p[1] % 2 == k[0] - 2 else (p[0], P - p[1]))


def compress(p):
    return bytes([2 + p[1] % 2]) + p[0].to_bytes(32, "big")


_seen = {}


def signed(key, tag, message, sig):
    """E-13. tag: name of G-3, of a signature."""
    m = alt(tag, message)
    at = (key, m, sig)
    if at not in _seen:
        _seen[at] = _bip340(key, m, sig)
    return _seen[at]


def _bip340(key, m, sig):
    p = lift_x(key)
    r, s = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")
    if not p or r >= P or s >= N:
        return False
    e = int.from_bytes(h_tag("BIP0340/challenge", sig[:32] + key + m), "big") % N
    q = affine(jadd(jmul(s, G), jmul(N - e, p)))
    return bool(q) and q[1] % 2 == 0 and q[0] == r


# --- E-1 to E-7, E-15, E-16
class Reader:
    def __init__(self, b, short=False):
        self.b, self.at, self.short = b, 0, short

    def take(self, n):
        need(n <= len(self.b) - self.at, "E-7: input ends early")
        self.at += n
        return self.b[self.at - n : self.at]

    def u(self, bits):
        return int.from_bytes(self.take(bits // 8), "big")

    def u8(self):
        return self.u(8)

    def u16(self):
        return self.u(16)

    def u32(self):
        return self.u(32)

    def u64(self):
        return self.u(64)

    def u128(self):
        return self.u(128)

    def h(self):
        return self.take(32)

    def bool(self):
        v = self.u8()
        need(v < 2, "E-15")
        return v == 1

    def bytes(self, most, least=0):
        n = self.u32()
        need(least <= n <= most, "E-3: %d bytes" % n)
        return self.take(n)

    def text(self, most, least=0):
        try:
            return self.bytes(most, least).decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid("E-3: no UTF-8")

    def option(self, f):
        return f() if self.bool() else None

    def list(self, f, most, least=0):
        n = self.u32()
        need(least <= n <= most, "E-4: %d items" % n)
        return [f() for _ in range(n)]

    def hashes(self, most):
        return self.list(self.h, most)

    def outpoint(self):
        return (self.h(), self.u32())

    def sums(self, most=261):
        def one():
            if not self.short:
                return self.u128()
            n = self.u8()
            need(n <= 16, "E-16")
            b = self.take(n)
            need(not n or b[0], "E-16")
            return int.from_bytes(b, "big")

        return self.list(one, most)

    def end(self):
        need(self.at == len(self.b), "E-7: bytes left over")


def u16(n):
    return n.to_bytes(2, "big")


def u32(n):
    return n.to_bytes(4, "big")


def u64(n):
    return n.to_bytes(8, "big")


def u128(n):
    return n.to_bytes(16, "big")


def vec(b):
    return u32(len(b)) + b


def sums_bytes(s):
    return u32(len(s)) + b"".join(u128(x) for x in s)


def point(o):
    return o[0] + u32(o[1])


NETWORKS = {
    bytes.fromhex(h)[::-1]: n
    for n, h in {
        "bitcoin": "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        "testnet4": "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
        "signet": "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
        "regtest": "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    }.items()
}


# --- RFC 9162
def log_leaf(b):
    return sha(b"\0" + b)


def log_root(leaf, position, size, path):
    """Root from the path of a leaf hash, or None."""
    if position >= size:
        return None
    fn, sn, r = position, size - 1, leaf
    for p in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = sha(b"\1" + p + r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = sha(b"\1" + r + p)
        fn >>= 1
        sn >>= 1
    return r if sn == 0 else None


# --- transactions
class Tx:
    pass


def tx_parse(b):
    at = 0

    def take(n):
        nonlocal at
        need(n <= len(b) - at, "A-31: transaction ends early")
        at += n
        return b[at - n : at]

    le = lambda n: int.from_bytes(take(n), "little")

    def compact():
        n = le(1)
        for k, (first, size) in {0xFD: (0xFD, 2), 0xFE: (1 << 16, 4), 0xFF: (1 << 32, 8)}.items():
            if n == k:
                v = le(size)
                need(v >= first, "A-31: number not in its shortest form")
                return v
        return n

    t = Tx()
    t.version = le(4)
    n = compact()
    need(n, "A-31: no input")
    need(n <= len(b) // 41, "A-31")
    t.ins = []
    for _ in range(n):
        txid = take(32)
        vout = le(4)
        script = take(compact())
        t.ins.append(((txid, vout), script, le(4)))
    n = compact()
    need(n <= len(b) // 9, "A-31")
    t.outs = []
    for _ in range(n):
        v = le(8)
        t.outs.append((take(compact()), v))
    t.lock = le(4)
    need(at == len(b), "A-31: bytes left over")
    t.raw, t.id = b, dsha(b)
    t.coinbase = len(t.ins) == 1 and t.ins[0][0] == (bytes(32), 0xFFFFFFFF)
    return t


# ---
def link_script(key, c):
    leaf = b"\x20" + c + b"\x75\x20" + key + b"\xac"
    return taproot(key, h_tag("TapLeaf", b"\xc0\x44" + leaf))


def taproot(key, root):
    p = lift_x(key)
    if not p:
        return None
    t = int.from_bytes(h_tag("TapTweak", key + root), "big")
    if t >= N:
        return None
    q = affine(jadd((p[0], p[1], 1), jmul(t, G)))
    return q and b"\x51\x20" + q[0].to_bytes(32, "big")


# ---
def evidence(b):
    """A transaction with its inclusion, decoded; `in_chain` judges it."""
    need(len(b) <= 131072, "P-1")
    r = Reader(b)
    need(r.u8() == 1, "E-8")
    e = tx_parse(r.bytes(100000))
    e.header, e.height, e.position = r.take(80), r.u32(), r.u32()
    e.path = r.hashes(15)
    r.end()
    return e


def in_chain(e, hashes):
    need(len(e.raw) != 64, "A-22")
    need(e.position < 1 << len(e.path), "A-21")
    node, position = e.id, e.position
    for s in e.path:
        left, right = (s, node) if position & 1 else (node, s)
        need(not (position & 1 and left == right), "A-24")
        need(not looks_like_a_transaction(left + right), "A-23")
        node, position = dsha(left + right), position >> 1
    need(node == e.header[36:68], "A-20")
    need(e.height < len(hashes) and hashes[e.height] == dsha(e.header), "A-51: block of a transaction")


def looks_like_a_transaction(b):
    try:
        t = tx_parse(b)
    except Invalid:
        return False
    return bool(t.outs) and all(v <= 21_000_000 * 10**8 for _, v in t.outs)


# ---
LIMIT = {"bitcoin": 0x1D00FFFF, "testnet4": 0x1D00FFFF, "signet": 0x1E0377AE, "regtest": 0x207FFFFF}
WORK = {
    "bitcoin": 0x1128750F82F4C366153A3A030,
    "testnet4": 0x9A0FE15D0177D086304,
    "signet": 0xB463EA0A4B8,
    "regtest": 0,
}


def target(bits):
    e, m = bits >> 24, bits & 0x7FFFFF
    if bits & 0x800000:
        return 0
    return m << 8 * (e - 3) if e > 3 else m >> 8 * (3 - e)


def compact_bits(t):
    e = (t.bit_length() + 7) // 8
    m = t << 8 * (3 - e) if e <= 3 else t >> 8 * (e - 3)
    if m & 0x800000:
        m >>= 8
        e += 1
    return e << 24 | m


def retarget(old, seconds, limit):
    return compact_bits(min(target(limit), target(old) * min(max(seconds, 302400), 4838400) // 1209600))


def header_chain(b, network):
    """List of block hashes by height; CannotTell when a rule is broken (P-8)."""

    def ok(c, why):
        if not c:
            raise CannotTell(why)

    ok(b and len(b) % 80 == 0, "A-40: length")
    ok(dsha(b[:80]) == network, "A-40: another network")
    name, hashes, times, bits, work = NETWORKS[network], [], [], [], 0
    limit = LIMIT[name]
    for h in range(len(b) // 80):
        raw = b[80 * h : 80 * h + 80]
        hash_ = dsha(raw)
        time, n = int.from_bytes(raw[68:72], "little"), int.from_bytes(raw[72:76], "little")
        if h:
            ok(raw[4:36] == hashes[-1], "A-41: %d does not follow" % h)
            if name == "regtest":
                want = limit
            elif h % 2016 == 0:
                want = retarget(bits[h - 2016] if name == "testnet4" else bits[-1], times[-1] - times[h - 2016], limit)
            elif name == "testnet4":
                if time > times[-1] + 1200:
                    want = limit
                else:
                    i = h - 1
                    while i % 2016 and bits[i] == limit:
                        i -= 1
                    want = bits[i]
            else:
                want = bits[-1]
            ok(n == want, "A-42: bits of %d" % h)
            last = sorted(times[-11:])
            ok(time > last[len(last) // 2], "A-44: time of %d" % h)
            if name == "testnet4" and h % 2016 == 0:
                ok(time >= times[-1] - 600, "A-45")
            ok(int.from_bytes(hash_, "little") <= target(n), "A-41: work of %d" % h)
        hashes.append(hash_)
        times.append(time)
        bits.append(n)
        work += 2**256 // (target(n) + 1)
    ok(work >= WORK[name], "A-46: less than the minimum work")
    return hashes
