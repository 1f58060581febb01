"""G-20 to G-31, G-83 to G-109: entries, as far as their form and their signatures go (governance.md)."""

from basics import *
from charter import system, charter_in, MAX
import unicodedata

LANE = {
    1: "bind",
    3: "propose",
    4: "comment",
    5: "ballot",
    8: "delegate",
    9: "comment-vote",
    10: "author-update",
    11: "withdraw",
    13: "invite",
    14: "accept",
    15: "guardian",
    17: "hold",
    18: "seen",
}


class E:
    pass


def one_line(s):
    return not any(
        unicodedata.category(x) == "Cc"
        or x in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        for x in s
    )


def many_lines(s):
    return one_line(s.replace("\n", "").replace("\t", ""))


def line(r, most, least=1):
    t = r.text(most, least)
    need(one_line(t), "G-82")
    return t


def lines(r, most, least=1):
    t = r.text(most, least)
    need(many_lines(t), "G-82")
    return t


def tag(r):
    t = r.text(32, 1)
    need(all(x in "abcdefghijklmnopqrstuvwxyz0123456789-" for x in t) and t[0] != "-" and t[-1] != "-", "L-4")
    return t


class Effect:
    pass


def effect(r):
    e, start = Effect(), r.at + 1
    e.kind = r.u8()
    e.amount = 0
    e.paid = []
    if e.kind == 1:
        e.outs = r.list(lambda: (r.bytes(520, 1), r.u64()), 100, 1)
        need(all(v >= 1 for _, v in e.outs), "G-24")
        e.cap, e.expiry = r.u64(), r.u32()
        e.amount = sum(v for _, v in e.outs) + e.cap
        e.paid = [(e.outs, e.cap, e.expiry)]
    elif e.kind == 2:
        e.payee = r.bytes(520, 1)
        e.milestones = r.list(lambda: (line(r, 200), r.u64(), r.u32()), 32, 1)
        e.cap, e.expiry = r.u64(), r.u32()
        need(all(m[1] for m in e.milestones), "G-84")
        need(all(a[2] <= b[2] for a, b in zip(e.milestones, e.milestones[1:])), "G-84")
        e.amount = sum(m[1] for m in e.milestones) + e.cap * len(e.milestones)
    elif e.kind in (3, 5, 6):
        e.what = r.h()
    elif e.kind == 4:
        e.what = r.h()
        e.charter = charter_in(r)
    elif e.kind == 7:
        e.what = line(r, 2048)
        e.treasurers = r.list(lambda: (r.text(64, 1), r.take(33)), 64, 1)
    elif e.kind == 8:
        a = (r.option(lambda: r.take(33)), r.option(r.h), r.option(r.h))
        need(any(a), "G-83")
    elif e.kind == 9:
        r.h()
        r.h()
        need(r.u64(), "G-83")
    elif e.kind == 10:
        r.u32()
        r.list(r.u8, 11, 1)
    elif e.kind == 11:
        r.u32()
        e.amount = r.u64()
        e.cap = 0
        need(e.amount, "G-88")
    else:
        raise Invalid("G-83: effect %d" % e.kind)
    if e.kind in (1, 2):
        need(e.cap <= 100_000_000 and e.expiry >= 1, "G-24")
    e.raw = r.b[start : r.at]
    return e


CLASS_OF = {1: 1, 2: 2, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7, 9: 8, 10: 9, 11: 10}


def proposal(r, e):
    start = r.at
    need(r.u8() == 1, "E-8")
    e.cls = r.u8()
    need(e.cls <= 10, "R-20")
    e.title, e.body = line(r, 120), lines(r, 16384, 0)
    need(e.title.strip(), "G-24")
    e.tags = r.list(lambda: tag(r), 8)
    need(all(a < b for a, b in zip(e.tags, e.tags[1:])), "G-24")
    e.system = system(r)
    e.options = r.list(lambda: (line(r, 120, 0), r.list(lambda: effect(r), 16)), 62, 1)
    n = e.system[0]
    if n in (0, 1, 9):
        need(len(e.options) == 1 and e.options[0][0] == "", "G-24")
        e.count = 0
    else:
        need(2 <= len(e.options) <= (15 if n == 6 else 62), "V-2")
        e.count = len(e.options)
    for _, fx in e.options:
        for f in fx:
            need(CLASS_OF[f.kind] == e.cls, "G-83")
        need(len(fx) <= (16 if e.cls in (4, 5, 8) else 1), "G-83")
        need(e.cls or not fx, "G-83")
    if e.count == 0 and e.cls:
        need(e.options[0][1], "G-83")
    e.previous = r.option(lambda: (r.h(), r.h()))
    e.request = r.option(r.h)
    e.amount = max(sum(f.amount for f in fx) for _, fx in e.options)
    need(e.amount <= MAX, "G-24")
    e.content = r.b[start : r.at]
    e.id = alt("proposal", e.network + e.dao + e.member + e.content)


def head(r, e):
    e.network, e.dao, e.size, e.root, e.tip, e.block = r.h(), r.h(), r.u64(), r.h(), r.u32(), r.h()


def entry(b, most=None):
    need(len(b) <= (most or 40970), "P-165")
    r = Reader(b)
    e = read(r)
    r.end()
    need(len(b) <= (40970 if e.kind == 16 else 20480), "G-20")
    return e


def read(r):
    e, start = E(), r.at
    need(r.u8() == 1, "E-8")
    e.kind = k = r.u8()
    need(1 <= k <= 21, "G-20")
    e.first = 64
    if k in LANE:
        e.network, e.dao, e.member, e.incarnation, e.sequence, e.prev = r.h(), r.h(), r.h(), r.u32(), r.u64(), r.h()
    if k == 1:
        e.name = r.text(32)
        e.channel, e.funding, e.mfk, e.hfk, e.value = r.h(), r.outpoint(), r.take(33), r.take(33), r.u64()
        e.first = 128
        e.funding_sig = r.take(64)
    elif k == 2:
        checkpoint(r, e)
        r.take(64)
        e.first = 128
    elif k == 3:
        proposal(r, e)
    elif k == 4:
        r.h()
        r.option(r.h)
        lines(r, 4096)
    elif k == 5:
        e.proposal, e.fields, e.reason = r.h(), r.list(r.u16, 64), r.option(lambda: lines(r, 1024))
    elif k == 6:
        head(r, e)
    elif k == 7:
        r.take(0)
        e.network, e.dao = r.h(), r.h()
        header(r)
        r.h()
        r.u32()
        r.h()
    elif k == 8:
        s = r.u8()
        need(s <= 2, "L-1")
        if s == 1:
            need(r.u8() <= 10, "R-20")
        if s == 2:
            tag(r)
        parts = r.list(lambda: (r.h(), r.u16()), 16)
        x = r.option(r.u32)
        need(all(a[0] < b[0] for a, b in zip(parts, parts[1:])) and all(p[1] for p in parts), "L-2")
        need(sum(p[1] for p in parts) == (10000 if parts else 0), "L-2")
        need(x != 0 and (parts or x is None), "L-3")
        need(e.member not in [p[0] for p in parts], "L-5")
    elif k == 9:
        r.h()
        need(r.u8() <= 2, "G-91")
    elif k == 10:
        r.h()
        lines(r, 4096)
    elif k in (11, 14):
        r.h()
    elif k == 12:
        e.network, e.dao, e.old, e.new, e.channel, e.mfk = r.h(), r.h(), r.h(), r.h(), r.h(), r.take(33)
        e.first = 128
        e.funding_sig = r.take(64)
    elif k == 13:
        r.h()
        r.u32()
    elif k == 15:
        r.h()
        need(r.u8() <= 1, "G-95")
    elif k == 16:
        a, b = r.bytes(20480), r.bytes(20480)
        need(a < b, "G-98")
        e.two = entry(a), entry(b)
        x, y = e.two
        need(x.kind in LANE and y.kind in LANE, "G-98: not in lanes")
        need(
            (x.dao, x.network, x.member, x.incarnation, x.sequence)
            == (y.dao, y.network, y.member, y.incarnation, y.sequence),
            "G-98",
        )
        need(x.message != y.message, "G-98")
        e.network, e.dao, e.first = x.network, x.dao, 0
    elif k == 17:
        r.h()
        r.h()
        need(r.u64(), "G-96")
    elif k == 18:
        entry(r.bytes(20224))
        r.u32()
    elif k == 19:
        e.network, e.dao = r.h(), r.h()
        r.h()
        r.u16()
        r.h()
        r.u32()
        r.h()
        r.u64()
    elif k == 20:
        e.network, e.dao, e.txid, e.height, e.block = r.h(), r.h(), r.h(), r.u32(), r.h()
        e.created, e.retired = r.list(r.u32, 64), r.list(r.outpoint, 64)
        need(e.created or e.retired, "G-108")
        for l in (e.created, e.retired):
            need(all(a < b for a, b in zip(l, l[1:])), "G-108")
    elif k == 21:
        e.first = 0
        e.network = e.dao = None
        r.h()
        e.evidence = r.u8()
        need(e.evidence <= 2, "G-109")
        if e.evidence:
            receipt(r)
        else:
            read(r)
        read(r)
        if e.evidence == 2:
            r.u64()
            r.h()
            r.hashes(64)
            r.h()
            r.hashes(64)
    if e.first:
        e.sig = r.take(64)
    e.raw = r.b[start : r.at]
    e.message = e.raw[: len(e.raw) - e.first]
    e.entry_id = alt("entry", e.raw)
    return e


def receipt(r):
    need(r.u8() == 1, "E-8")
    r.take(188 + 64)


def checkpoint(r, e):
    start = r.at
    e.network, e.dao, e.channel, e.member, e.number = r.h(), r.h(), r.h(), r.h(), r.u64()
    e.fundings = r.list(lambda: (r.outpoint(), r.h(), r.h()), 8, 1)
    e.tip, e.block, e.member_sat, e.hub_sat, e.forfeited, e.incarnation, e.sequence, e.head = (
        r.u32(),
        r.h(),
        r.u64(),
        r.u64(),
        r.u64(),
        r.u32(),
        r.u64(),
        r.h(),
    )


def signed_well(e, hub_keys):
    """All signatures of an entry; of a hub's, by any of these keys."""
    k = e.kind
    if k in LANE:
        if k == 1 and not signed(
            e.mfk[1:], "bind-funding", e.network + e.dao + e.member + e.channel + point(e.funding), e.funding_sig
        ):
            return False
        return signed(e.member, LANE[k], e.message, e.sig)
    if k == 2:
        return signed(e.member, "ckpt", e.message, e.raw[-128:-64]) and any(
            signed(h, "ckpt", e.message, e.sig) for h in hub_keys
        )
    if k == 12:
        return signed(e.mfk[1:], "rotate-key", e.message, e.raw[-128:-64]) and signed(
            e.new, "rotate-key", e.message, e.sig
        )
    if k == 16:
        return all(signed_well(x, hub_keys) for x in e.two)
    t = {6: "head", 7: "anchored", 19: "execution", 20: "gates"}[k]
    return any(signed(h, t, e.message, e.sig) for h in hub_keys)


# --- G-60
class Header:
    pass


def header(r):
    h, start = Header(), r.at
    need(r.u8() == 1, "E-8")
    h.network, h.dao, h.epoch, h.prev, h.log_size, h.log_root = r.h(), r.h(), r.u32(), r.h(), r.u64(), r.h()
    h.ballots, h.rolls, h.decisions, h.charter, h.next_key = r.h(), r.h(), r.h(), r.h(), r.h()
    h.spare, h.height, h.block = r.outpoint(), r.u32(), r.h()
    h.raw = r.b[start : r.at]
    h.hash = alt("epoch", h.raw)
    return h
