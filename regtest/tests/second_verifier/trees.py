"""G-71 to G-77: sum trees and proofs under a header (governance.md)."""

from basics import *


def commitment(purpose, count, hash_, sums):
    return alt("sum-root", vec(purpose.encode()) + u64(count) + hash_ + sums_bytes(sums))


class Inclusion:
    """G-73, decoded."""

    def __init__(self, r):
        self.key, self.value, self.sums = r.h(), r.bytes(4096), r.sums()
        self.index, self.count = r.u64(), r.u64()
        self.siblings = r.list(lambda: (r.h(), r.sums()), 64)

    def root(self, n):
        """(count, hash, sums) of the tree, each list of n sums."""
        need(self.count >= 1 and self.index < self.count, "G-73")
        need(len(self.sums) == n and all(len(s) == n for _, s in self.siblings), "G-73: sums")
        h, s = alt("sum-leaf", self.key + vec(self.value) + sums_bytes(self.sums)), self.sums
        i, m, left = self.index, self.count - 1, list(self.siblings)
        while m > 0:
            if i & 1 or i < m:
                need(left, "G-73: too few siblings")
                hs, ss = left.pop(0)
                a, b = ((hs, ss), (h, s)) if i & 1 else ((h, s), (hs, ss))
                h = alt("sum-node", a[0] + sums_bytes(a[1]) + b[0] + sums_bytes(b[1]))
                s = [x + y for x, y in zip(s, ss)]
                need(all(x < 1 << 128 for x in s), "G-71: overflow")
            i >>= 1
            m >>= 1
        need(not left, "G-73: siblings left over")
        return self.count, h, s


class Root:
    """Commitment data."""

    def __init__(self, r):
        self.count, self.hash, self.sums = r.u64(), r.h(), r.sums()


class BallotRoot:
    """Value of a leaf of ballot-roots (G-63)."""

    def __init__(self, value):
        r = Reader(value)
        self.commitment, self.stage = r.h(), r.u8()
        need(self.stage <= 2, "G-63")
        from charter import system

        self.system, self.options, self.snapshot = system(r), r.u16(), r.u32()
        r.end()
        n = self.system[0]
        if n in (0, 1, 9):
            self.parts = 3 if n == 1 else 2
            self.own = 0
        else:
            self.parts = (self.options + 1) ** 2 if n == 6 else self.options + 1
            self.own = 1
        need(self.options == 0 if not self.own else 2 <= self.options <= (15 if n == 6 else 62), "V-2")
        # V-11: parts, cast (of a choice), abstain, standing, ballots, weight
        self.sums = self.parts + self.own + 4

    def cast(self, s):
        return s[self.parts] if self.own else sum(s[: self.parts])

    def abstain(self, s):
        return s[self.parts + self.own]

    def standing(self, s):
        return s[-3]

    def ballots(self, s):
        return s[-2]

    def weight(self, s):
        return s[-1]

    def sane(self, count, s):
        need(self.cast(s) + self.abstain(s) + self.standing(s) <= self.weight(s), "G-77: more cast than there is")
        need(self.ballots(s) <= count, "G-77: more ballots than members")


def under(purpose, inclusion, n, root, why):
    need(commitment(purpose, *inclusion.root(n)) == root, why)


def in_ballot_roots(r, H, key):
    i = Inclusion(r)

    def judge():
        need(i.key == key, "G-77: key of ballot-roots")
        under("ballot-roots", i, 0, H.ballots, "ballots_root")
        return BallotRoot(i.value)

    return judge


class Leaf:
    pass


class BallotProof:
    def __init__(self, r):
        self.leaf, self.outer = Inclusion(r), Inclusion(r)

    def judge(self, H, key):
        """The leaf of a member."""
        need(self.outer.key == key, "G-77: key")
        under("ballot-roots", self.outer, 0, H.ballots, "ballots_root")
        b = BallotRoot(self.outer.value)
        count, hash_, sums = self.leaf.root(b.sums)
        need(commitment("ballots", count, hash_, sums) == b.commitment, "G-77: ballot tree")
        b.sane(count, sums)
        l = Leaf()
        l.member, l.at, l.count, l.total = self.leaf.key, b, count, b.weight(sums)
        r = Reader(self.leaf.value)
        l.kind = r.u8()
        need(l.kind <= 3, "G-76")
        own = self.leaf.sums
        l.own = own[-1]
        want = [0] * b.sums
        want[-1] = l.own
        l.weight = 0
        if l.kind == 1:
            l.position, l.entry, l.fields, l.weight = r.u64(), r.h(), r.list(r.u16, 64), r.u128()
            need(l.weight >= l.own, "G-77: weight")
            want = ballot_sums(b, l.fields, l.weight, l.own)
        elif l.kind == 2:
            r.h()
        elif l.kind == 3:
            r.h()
            w = r.u128()
            need(w > 0, "G-76")
            want[-3] = w
        r.end()
        need(own == want, "G-76: sums of the leaf")
        return l


def isqrt(n):
    import math

    return math.isqrt(n)


def ballot_sums(b, fields, w, own):
    """V-3 to V-12, V-14."""
    n, param = b.system
    s = [0] * b.sums
    s[-1] = own
    if w:
        s[-2] = 1
    none = b.options
    if not b.own:
        need(len(fields) == 1 and fields[0] <= (3 if n == 1 else 2), "V-3")
        f = fields[0]
        s[b.parts if f == 0 else f - 1] = w
        return s
    if not fields:
        s[b.parts + 1] = w
        return s
    s[b.parts] = w
    if n == 2:
        need(len(fields) == 1 and fields[0] <= none, "V-4")
        s[fields[0]] = w
        return s
    if n in (5, 6):
        need(len(fields) <= none + 1 and len(set(fields)) == len(fields) and max(fields) <= none, "V-5")
        if n == 5:
            s[fields[0]] = w
            return s
        for i, a in enumerate(fields):
            for c in range(none + 1):
                if c not in fields[: i + 1]:
                    s[a * (none + 1) + c] = w
        return s
    need(len(fields) == none + 1, "V-3")
    most = {3: 1, 4: param, 7: 10000, 8: isqrt(param)}[n]
    need(max(fields) <= most, "V-4")
    if n == 7:
        need(sum(fields) == 10000, "V-6")
        c = 0
        for i, f in enumerate(fields):
            s[i] = w * (c + f) // 10000 - w * c // 10000
            c += f
        return s
    if n == 8:
        need(sum(f * f for f in fields) <= param, "V-6")
    for i, f in enumerate(fields):
        s[i] = w * f
    return s


class RollProof:
    def __init__(self, r):
        self.leaf, self.outer = Inclusion(r), Inclusion(r)

    def judge(self, H, epoch, member=None):
        """(member, weight, count, total)."""
        need(self.outer.key == bytes(28) + u32(epoch), "G-77: epoch of the roll")
        under("rolls", self.outer, 0, H.rolls, "rolls_root")
        need(len(self.outer.value) == 32, "G-77: value")
        need(self.leaf.value == b"", "G-75")
        count, hash_, sums = self.leaf.root(1)
        need(commitment("roll", count, hash_, sums) == self.outer.value, "G-77: roll tree")
        need(self.leaf.sums[0] > 0, "G-77: weight")
        need(member in (None, self.leaf.key), "G-77: member")
        return self.leaf.key, self.leaf.sums[0], count, sums[0]


class TallyProof:
    def __init__(self, r):
        self.ballots, self.outer, self.roll, self.rolls = Root(r), Inclusion(r), Root(r), Inclusion(r)

    def judge(self, H, key):
        need(self.outer.key == key, "G-77: key")
        under("ballot-roots", self.outer, 0, H.ballots, "ballots_root")
        b = BallotRoot(self.outer.value)
        t = self.ballots
        need(
            len(t.sums) == b.sums and commitment("ballots", t.count, t.hash, t.sums) == b.commitment,
            "G-77: ballot tree",
        )
        b.sane(t.count, t.sums)
        need(self.rolls.key == bytes(24) + u32(H.height if b.stage == 2 else 0) + u32(b.snapshot), "G-77: snapshot")
        under("rolls", self.rolls, 0, H.rolls, "rolls_root")
        need(len(self.rolls.value) == 32, "G-77")
        need(
            len(self.roll.sums) == 1
            and commitment("roll", self.roll.count, self.roll.hash, self.roll.sums) == self.rolls.value,
            "G-77: roll",
        )
        need(self.roll.count == t.count and self.roll.sums[0] == b.weight(t.sums), "G-77: another roll")
        return b, t


OUTCOME = {1: "passed", 2: "rejected", 3: "no quorum", 4: "tied", 5: "vetoed"}


class Decision:
    pass


def decision_value(value):
    r, d = Reader(value), Decision()
    k = r.u8()
    need(1 <= k <= 5, "V-32")
    d.outcome = k
    d.winner = r.option(r.u16) if k == 1 else None
    d.cls = r.u8()
    need(d.cls <= 10, "R-20")
    d.decided, d.enacted = r.u32(), r.option(r.u32)
    d.bar, d.fate = r.u8(), r.u8()
    need(d.bar <= 6 and d.fate <= 5, "G-64")
    d.dormant = r.u128()
    d.payment = r.option(r.u8)
    need(d.payment is None or d.payment <= 4, "G-64")
    d.gate = r.option(r.outpoint)
    d.auth = r.option(lambda: (r.u32(), r.u32(), r.u64(), r.h()))
    d.paid = r.option(r.h)
    r.end()
    return d


class DecisionProof:
    def __init__(self, r):
        self.leaf = Inclusion(r)

    def judge(self, H, key):
        need(self.leaf.key == key, "G-77: key of decisions")
        under("decisions", self.leaf, 1, H.decisions, "decisions_root")
        d = decision_value(self.leaf.value)
        need(self.leaf.sums[0] == (d.auth[2] if d.auth else 0), "G-77: sum")
        return d


def milestone_key(proposal, i):
    return alt("milestone", proposal + u16(i))


def body_key(proposal, body):
    return alt("body", proposal + bytes([body]))


def decisions_root(leaves):
    """Root of the tree over (key, value, sums)."""
    need(all(a[0] < b[0] for a, b in zip(leaves, leaves[1:])), "G-71: order")
    level = [(alt("sum-leaf", k + vec(v) + sums_bytes(s)), s) for k, v, s in leaves]
    need(all(len(s) == 1 for _, s in level), "G-72")
    while len(level) > 1:
        up = []
        for i in range(0, len(level) - 1, 2):
            (a, x), (b, y) = level[i], level[i + 1]
            z = [p + q for p, q in zip(x, y)]
            need(all(t < 1 << 128 for t in z), "G-71")
            up.append((alt("sum-node", a + sums_bytes(x) + b + sums_bytes(y)), z))
        if len(level) % 2:
            up.append(level[-1])
        level = up
    h, s = level[0] if level else (bytes(32), [0])
    return commitment("decisions", len(leaves), h, s)
