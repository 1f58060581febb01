"""P: proof files (proofs.md), judged by nothing but what docs/spec says.

usage: verify.py FILE HEADERS [--links FILE]; exit 0 valid, 1 invalid, 2 cannot tell.
"""

import sys
from basics import *
from charter import *
from entries import entry, read, header, head, checkpoint, signed_well, E, LANE
from trees import *
from outcome import possible

MAGIC = b"ALTHING\0"


class F:
    pass


def move(r):
    return (evidence(r.bytes(131072)), r.option(r.h))


def rotation(r):
    return (r.u64(), r.bytes(20480), r.hashes(64))


class Succession:
    def __init__(self, r):
        self.raw = r.bytes(100663808)
        self.rolls = r.list(lambda: RollProof(r), 1 << 20)
        self.link = evidence(r.bytes(131072))
        self.rotations, self.moves = [], []
        q = Reader(self.raw)
        need(q.u8() == 1, "E-8")
        self.dao, self.number, self.txid, self.commitment, self.spare = q.h(), q.u32(), q.h(), q.h(), q.outpoint()
        self.log_key, self.node_key, self.anchor_key, self.size, self.root = q.h(), q.take(33), q.h(), q.u64(), q.h()
        self.statement = self.raw[: q.at]
        self.signatures = q.list(lambda: (q.h(), q.take(64)), 1 << 20)
        q.end()


def parse(b):
    need(b[:8] == MAGIC, "P-1: no proof file")
    if len(b) > 8 and b[8] > 6:
        raise CannotTell("P-60: a later version")
    r = Reader(b)
    r.take(8)
    f = F()
    f.version = r.u8()
    need(1 <= f.version <= 6, "P-1")
    if f.version == 4:
        f.H = header(r)
        f.raw_link = r.bytes(131072)
        f.link = evidence(f.raw_link)
        r.short = True
        f.statement = statement(r)
        r.end()
        need(needs_epoch(f.statement), "P-161")
        return f
    f.charters = [charter(r.bytes(65536))] + r.list(lambda: charter(r.bytes(65536)), 1 << 19)
    f.successions, f.moves = [], []
    if f.version > 1:
        f.successions = r.list(lambda: Succession(r), 1024, 0 if f.version == 5 else 1)
        if f.version in (3, 5, 6):
            for s in f.successions:
                s.rotations = r.list(lambda: rotation(r), 1 << 20)
            need(f.version > 3 or any(s.rotations for s in f.successions), "P-334")
        if f.version in (5, 6):
            for s in f.successions:
                s.moves = r.list(lambda: move(r), 1024)
            f.moves = r.list(lambda: move(r), 1024)
            need(f.version == 6 or f.moves or any(s.moves for s in f.successions), "P-166")
    f.genesis = evidence(r.bytes(131072))

    def epoch():
        h = header(r)
        raw = r.bytes(131072)
        return (h, evidence(raw), raw)

    f.epochs = r.list(epoch, 1 << 19)
    f.about = len(f.epochs)
    if f.version == 6:
        f.epochs = f.epochs + r.list(epoch, 1 << 19, 1)
    f.statement = statement(r)
    r.end()
    need(f.epochs or not needs_epoch(f.statement), "P-1: no epoch")
    if f.version == 6:
        need(f.about and needs_epoch(f.statement) and f.statement.kind != 0x11, "P-336: statement")
        need(f.successions[-1].number == len(f.epochs), "P-336: the last succession ends the file")
    return f


# --- founding, headers, links (P-3 to P-5, P-330, P-334, P-166)
class World:
    pass


def walk(f, hashes):
    w = World()
    w.hashes = hashes
    c = f.charters[0]
    for x in f.charters:
        check(x)
    g = f.genesis
    outs = [
        (link_script(c.anchor_key, alt("founding", c.network + c.hash)), c.seal_sat),
        (script_at(c.descriptor, 0), c.spare_sat),
    ]
    outs += [(script_at(c.descriptor, j + 1), c.gate_sat) for j in range(c.gates)]
    need(not g.coinbase and g.outs[: len(outs)] == outs, "A-12: not the genesis transaction")
    w.network, w.genesis = c.network, g
    w.dao = alt("dao", c.network + c.hash + point((g.id, 0)))
    w.gates = [(g.id, 2 + j) for j in range(c.gates)]
    in_chain(g, hashes)
    w.final_depth = c.final_depth
    spare, spare_script = (g.id, 1), outs[1][0]
    tip, key, prev, at = g, c.anchor_key, bytes(32), (g.height, g.position)
    w.offices = [[c]]  # charters in force under each hub
    w.sizes = []  # size of each succession
    w.in_force = [c]  # by epoch, after its header
    w.since = [(0, c)]  # (closing height of the header that put it in force, charter)
    last = F()
    last.height, last.size = 0, 0
    more, turns = f.charters[1:], list(f.successions)
    n = 0
    w.links, w.headers, w.commitments = [g], [None], [alt("founding", c.network + c.hash)]

    def successions():
        nonlocal spare, spare_script, tip, key, at, c
        while turns and turns[0].number == n:
            s = turns.pop(0)
            need(n >= 1, "A-301")
            need(s.dao == w.dao, "A-104: dao")
            need(s.txid == w.links[n].id and s.commitment == w.commitments[n] and s.spare == spare, "A-104")
            total = weight = 0
            need(len(s.rolls) == len(s.signatures), "P-330")
            need(s.signatures, "A-103")
            need(all(a[0] < b[0] for a, b in zip(s.signatures, s.signatures[1:])), "A-102: order")
            first = rotations(s, w)
            for (member, sig), proof in zip(s.signatures, s.rolls):
                need(signed(member, "succession-signature", s.statement, sig), "A-101: signature")
                _, mine, _, total = proof.judge(w.headers[n], n, first.get(member, member))
                weight += mine
            need(len(set(first.get(m, m) for m, _ in s.signatures)) == len(s.signatures), "A-103")
            need(weight > total - weight, "A-103: not more than half")
            seal, script = moved(s.moves, spare, spare_script, w, [x for x in w.since])
            t = s.link
            in_chain(t, hashes)
            need(t.ins[0][0] == seal, "A-105: does not spend the spare seal")
            need(t.outs[0][0] == link_script(s.anchor_key, h_tag("althing/succession/v1", s.raw)), "A-105: output 0")
            need(len(t.outs) > 1 and t.outs[1][0] == script and t.outs[1][1] >= 330, "A-105: output 1")
            need(t.height - w.links[n].height >= c.final_depth, "A-106")
            need((t.height, t.position) > at, "A-52")
            spare, spare_script, tip, key, at = (t.id, 1), script, t, s.anchor_key, (t.height, t.position)
            start = 1 + 4 + len(c.name.encode()) + 32
            c = charter(c.raw[:start] + s.node_key + s.log_key + s.anchor_key + c.raw[start + 97 :])
            w.offices.append([c])
            w.sizes.append(s.size)
            w.last = t
            w.successor_key = True

    w.last = g
    successions()
    for h, e, _ in f.epochs:
        n += 1
        need(
            h.network == w.network and h.dao == w.dao and h.epoch == n and h.spare == spare and h.prev == prev,
            "P-4: header %d" % n,
        )
        if h.charter != c.hash:
            need(more and more[0].hash == h.charter, "P-4: charter of header %d" % n)
            c = more.pop(0)
            w.offices[-1].append(c)
            w.since.append((h.height, c))
            need(c.network == w.network, "P-4")
        need(h.next_key == c.anchor_key, "P-4: next anchor key")
        need(h.height > last.height and h.height % c.epoch_blocks == 0 and h.log_size >= last.size, "P-4: closing")
        need(hashes[h.height] == h.block, "P-4: closing block")
        need(e.height > h.height, "P-4: mined before its close")
        need(e.ins[0][0] == (tip.id, 0), "A-5")
        need(e.outs and e.outs[0][0] == link_script(key, h.hash), "A-6")
        in_chain(e, hashes)
        need((e.height, e.position) > at, "A-52")
        tip, key, prev, at = e, h.next_key, h.hash, (e.height, e.position)
        last.height, last.size = h.height, h.log_size
        w.in_force.append(c)
        w.links.append(e)
        w.headers.append(h)
        w.commitments.append(h.hash)
        w.last = e
        successions()
    need(not more, "P-4: a charter that never comes into force")
    need(not turns, "P-330: a succession behind no epoch")
    moved(f.moves, spare, spare_script, w, None)
    w.H = w.headers[-1]
    w.office_now = len(w.offices) - 1
    w.keys = [[x.hub_log_key for x in o] for o in w.offices]
    return w


def rotations(s, w):
    """P-334: first key of each signer whose key came by rotation."""
    ids, first = {}, {}
    last = -1
    for position, raw, path in s.rotations:
        need(position > last, "P-334: order")
        last = position
        e = entry(raw)
        need(e.kind == 12 and e.network == w.network and e.dao == w.dao, "P-334")
        need(log_root(log_leaf(raw), position, s.size, path) == s.root, "P-334: path")
        need(signed_well(e, []), "P-334: signature")
        first[e.new] = first.get(e.old, e.old)
        ids[e.old] = e.new
    signers = {m for m, _ in s.signatures}
    for m in signers:
        need(m not in ids, "P-334: a signer's key was replaced")
    for new in first:
        k = new
        while k in ids:
            k = ids[k]
        need(k in signers, "P-334: a rotation that leads to no signer")
    return first


def moved(moves, spare, script, w, treasuries):
    for t, root in moves:
        in_chain(t, w.hashes)
        need(t.ins[0][0] == spare, "P-166: does not spend the spare seal")
        out, value = t.outs[0]
        need(value >= 330 and not (len(t.outs) > 1 and t.outs[1][0] == script), "P-166")
        if root is None:
            need(len(out) == 34 and out[:2] == b"\0\x20", "P-166: no P2WSH")
        else:
            need(out == taproot(bytes.fromhex(NUMS), root), "P-166: no P2TR without key")
        if treasuries is not None:
            scripts = []
            for _, c in treasuries:
                x = script_at(c.descriptor, 0)
                if not scripts or scripts[-1] != x:
                    scripts.append(x)
            need(
                any(a == script and out in scripts[i + 1 :] for i, a in enumerate(scripts)) and out != script,
                "A-120: not to a newer treasury",
            )
        spare, script = (t.id, 0), out
    return spare, script


# --- statements
STATEMENTS = {}


def kind(n):
    def put(f):
        STATEMENTS[n] = f
        return f

    return put


def statement(r):
    n = r.u8()
    need(n in STATEMENTS, "P-1: statement %d" % n)
    s = F()
    s.kind, s.judge = n, STATEMENTS[n](r, s)
    return s


def needs_epoch(s):
    return s.kind not in (6, 7, 11, 13) and not (s.kind == 5 and s.against is not None)


class Logged:
    def __init__(self, r):
        self.position, self.raw, self.path = r.u64(), r.bytes(20480), r.hashes(64)

    def judge(self, w, H, k):
        e = self.e = entry(self.raw)
        need(e.kind == k, "P-6: another kind of entry")
        need(e.network == w.network and e.dao == w.dao, "P-6: of another DAO")
        need(signed_well(e, [x for o in w.keys for x in o]), "P-6: signature")
        need(log_root(log_leaf(self.raw), self.position, H.log_size, self.path) == H.log_root, "P-6: not in the log")
        return e


def counted(leaf, l):
    """That a ballot's leaf holds exactly this entry."""
    need(
        leaf.kind == 1 and leaf.position == l.position and leaf.entry == l.e.entry_id and leaf.fields == l.e.fields,
        "P-6: the leaf holds another ballot",
    )


@kind(0x11)
def links(r, s):
    return lambda w: "links from genesis to epoch %d" % w.H.epoch


@kind(1)
def ballot(r, s):
    l, proof, epoch, roll = Logged(r), BallotProof(r), r.u32(), RollProof(r)

    def judge(w):
        e = l.judge(w, w.H, 5)
        leaf = proof.judge(w.H, e.proposal)
        counted(leaf, l)
        need(1 <= epoch < w.H.epoch and epoch == leaf.at.snapshot, "P-6: snapshot")
        _, weight, count, total = roll.judge(w.H, epoch, leaf.member)
        if leaf.at.stage == 2:
            need(leaf.own <= weight and leaf.total <= total and leaf.count <= count, "P-6: roll")
        else:
            need((weight, count, total) == (leaf.own, leaf.count, leaf.total), "P-6: roll")
        return "ballot %s of %s counts %d, stage %d" % (leaf.fields, leaf.member.hex()[:8], leaf.weight, leaf.at.stage)

    return judge


def first_outputs(p, spend):
    """(intent hash, amount) of a payment, whole or its first outputs."""
    outs, cap, expiry = spend
    for k in range(len(outs), 0, -1):
        raw = u32(k) + b"".join(vec(s) + u64(v) for s, v in outs[:k]) + u64(cap) + u32(expiry)
        yield alt("spend", p + raw), sum(v for _, v in outs[:k]) + cap


def effects_of(e, winner):
    need(winner is None if not e.count else winner is not None and winner <= e.count, "V-32")
    return e.options[winner or 0][1] if not e.count or winner < e.count else []


def payment_of(e, winner, milestone):
    for f in effects_of(e, winner):
        if f.kind == 1 and milestone is None:
            return f.paid[0]
        if f.kind == 2 and milestone is not None and milestone < len(f.milestones):
            return ([(f.payee, f.milestones[milestone][1])], f.cap, f.expiry)
    raise Invalid("P-10: no such payment")


class Tally:
    def __init__(self, r, bodies):
        self.l = Logged(r)
        self.several = bodies
        self.other = []
        if bodies:

            def body():
                k = r.u8()
                need(k <= 2, "R-22")
                return (k, TallyProof(r) if k == 0 else (Root(r), Inclusion(r)))

            self.bodies = r.list(body, 3, 1)
        else:
            self.bodies = [(0, TallyProof(r))]
        self.decision = DecisionProof(r)

    def judge(self, w, H):
        e = self.l.judge(w, H, 3)
        d = self.decision.judge(H, e.id)
        need(d.cls == e.cls, "P-7: class")
        seen = []
        for n, (k, proof) in enumerate(self.bodies):
            key = e.id if n == 0 else body_key(e.id, k)
            if k == 0:
                b, t = proof.judge(H, key)
            else:
                t, outer = proof
                need(outer.key == key, "P-130: key")
                under("ballot-roots", outer, 0, H.ballots, "ballots_root")
                b = BallotRoot(outer.value)
                need(len(t.sums) == b.sums and commitment("ballots", t.count, t.hash, t.sums) == b.commitment, "P-130")
                b.sane(t.count, t.sums)
            need(b.stage > 0 and b.system == e.system and b.options == e.count, "P-7: stage, system or options")
            seen.append((k, b, t))
        b = seen[0][1]
        need(
            all((x.stage, x.snapshot) == (b.stage, b.snapshot) for _, x, _ in seen), "P-130: of one stage and snapshot"
        )
        need(1 <= b.snapshot < H.epoch, "P-7: snapshot")
        c = w.in_force[b.snapshot]
        rule = rule_of(c, e.cls, e.amount)
        need(
            rule.bodies == [k for k, _, _ in seen],
            "P-130: bodies of the rule" if self.several else "P-7: others than the members decide",
        )
        if self.several:
            need(rule.bodies != [0], "P-130")
        need(e.system in rule.systems, "R-21")
        need((d.enacted if b.stage == 2 else d.decided) == H.epoch, "P-7: epoch")
        got = (d.outcome, d.winner)
        options = None
        for k, x, t in seen:
            if k:
                need(
                    x.weight(t.sums) == t.count <= len(c.treasurers if k == 1 else c.founders),
                    "P-130: weight of an office",
                )
            p = possible(rule, x, t.sums, 0 if k else d.dormant, not k)
            if options is None:
                options = p
            elif options == {(1, None)}:
                options = p
        need(got in options, "P-7: outcome %s is not of %s" % (got, options))
        if d.auth:
            need(d.outcome == 1 and d.gate in w.all_gates, "P-7: gate")
            w.used = d.gate
            h, x, amount, intent = d.auth
            spend = payment_of(e, d.winner, None)
            need((intent, amount) in first_outputs(e.id, spend), "P-7: intent")
            need(
                any(y.guardians for o in w.offices for y in o) or (h - rule.veto) % c.epoch_blocks == 0,
                "P-7: height of the authorisation",
            )
            least = h + min(rule.expiry, spend[2])
            need(h <= H.height and least <= x <= least + H.height - h, "P-7: expiry")
        return (
            e,
            d,
            "proposal %s: %s%s%s"
            % (
                e.id.hex()[:8],
                OUTCOME[d.outcome],
                "" if d.winner is None else " option %d" % d.winner,
                ", authorised %d sat" % d.auth[2] if d.auth else "",
            ),
        )


@kind(2)
def tally(r, s):
    t = Tally(r, False)
    return lambda w: t.judge(w, w.H)[2]


@kind(0x0E)
def bodies(r, s):
    t = Tally(r, True)
    return lambda w: t.judge(w, w.H)[2]


def payment(several):
    def statement(r, s):
        decided, t = r.u32(), Tally(r, several)
        milestone = r.option(r.u16)
        proof = DecisionProof(r)

        def judge(w):
            need(1 <= decided <= w.H.epoch, "P-20")
            e, d, words = t.judge(w, w.headers[decided])
            now = proof.judge(w.H, e.id if milestone is None else milestone_key(e.id, milestone))
            need(
                (now.cls, now.outcome, now.winner) == (d.cls, d.outcome, d.winner) and now.bar == 0 and d.outcome == 1,
                "P-20",
            )
            need(now.gate in w.all_gates and now.auth, "P-20: gate")
            w.used = now.gate
            need((now.auth[3], now.auth[2]) in first_outputs(e.id, payment_of(e, d.winner, milestone)), "P-20: intent")
            return words + "; may be paid from %d to below %d" % now.auth[:2]

        return judge

    return statement


kind(9)(payment(False))
kind(0x0F)(payment(True))


@kind(3)
def authorised(r, s):
    l, milestone, proof = Logged(r), r.option(r.u16), DecisionProof(r)

    def judge(w):
        e = l.judge(w, w.H, 3)
        d = proof.judge(w.H, e.id if milestone is None else milestone_key(e.id, milestone))
        need(d.cls == e.cls and d.auth and d.gate in w.all_gates and d.outcome == 1, "P-10")
        w.used = d.gate
        need((d.auth[3], d.auth[2]) in first_outputs(e.id, payment_of(e, d.winner, milestone)), "P-10: intent")
        return "proposal %s authorised for %d sat" % (e.id.hex()[:8], d.auth[2])

    return judge


@kind(0x0C)
def budget(r, s):
    l, proofs = Logged(r), r.list(lambda: DecisionProof(r), 32)

    def judge(w):
        e = l.judge(w, w.H, 3)
        ds = [p.judge(w.H, milestone_key(e.id, i)) for i, p in enumerate(proofs)]
        need(ds and ds[0].outcome == 1, "P-335")
        need(all(d.cls == e.cls for d in ds), "P-335")
        f = [f for f in effects_of(e, ds[0].winner) if f.kind == 2]
        need(f and len(f[0].milestones) == len(ds), "P-335: milestones")
        left = 0
        for m, d in zip(f[0].milestones, ds):
            if d.paid:
                continue
            if d.payment == 0 or (d.payment == 3 and w.H.height < d.auth[1]):
                left += m[1]
        return "budget %s: %d sat left" % (e.id.hex()[:8], left)

    return judge


@kind(4)
def silent(r, s):
    proposal, member, proof, epoch, roll = r.h(), r.h(), BallotProof(r), r.u32(), RollProof(r)

    def judge(w):
        leaf = proof.judge(w.H, proposal)
        need(leaf.member == member and leaf.kind != 1 and leaf.at.stage > 0, "P-11")
        need(1 <= epoch < w.H.epoch and epoch == leaf.at.snapshot, "P-11: snapshot")
        roll.judge(w.H, epoch, member)
        return "member %s did not vote" % member.hex()[:8]

    return judge


@kind(0x10)
def office(r, s):
    l, body, member = Logged(r), r.u8(), r.h()
    b, proof = r.option(lambda: Logged(r)), BallotProof(r)
    need(1 <= body <= 2, "P-140")

    def judge(w):
        e = l.judge(w, w.H, 3)
        # the snapshot that ballot-roots names chooses the rule, and the rule the key
        at = BallotRoot(proof.outer.value)
        need(1 <= at.snapshot < w.H.epoch, "P-140: snapshot")
        c = w.in_force[at.snapshot]
        rule = rule_of(c, e.cls, e.amount)
        need(body in rule.bodies, "P-140: body")
        leaf = proof.judge(w.H, e.id if rule.bodies[0] == body else body_key(e.id, body))
        need(at.system == e.system and at.options == e.count, "P-140: system")
        seats = [k[1:] for _, k in c.treasurers] if body == 1 else c.founders
        need(leaf.total == leaf.count <= len(seats) and leaf.own == 1, "P-140: weight")
        need(leaf.member == member, "P-140: member")
        need(member in seats or (b and entry(b.raw).member in seats), "P-140: no such seat")
        if b:
            v = b.judge(w, w.H, 5)
            need(v.proposal == e.id, "P-140")
            counted(leaf, b)
        else:
            need(leaf.kind != 1 and leaf.at.stage > 0, "P-140")
        return "office %d of %s: %s" % (body, member.hex()[:8], leaf.fields if b else "did not vote")

    return judge


class Receipt:
    def __init__(self, r):
        start = r.at
        need(r.u8() == 1, "E-8")
        self.network, self.dao, self.first, self.count, self.batch = r.h(), r.h(), r.u64(), r.u32(), r.h()
        self.size, self.root, self.tip, self.block, self.by = r.u64(), r.h(), r.u32(), r.h(), r.u32()
        self.message = r.b[start : r.at]
        self.sig = r.take(64)


def offices(w, tag, x):
    """By which hubs of the file it is signed."""
    o = [i for i, keys in enumerate(w.keys) if any(signed(k, tag, x.message, x.sig) for k in keys)]
    need(x.network == w.network and x.dao == w.dao, "P-12: of another DAO")
    need(o, "P-12: not signed by the hub")
    return o


def signed_head(r):
    e = read(r)
    need(e.kind == 6, "G-30")
    return e


@kind(5)
def receipt_fraud(r, s):
    rec, position, raw, path = Receipt(r), r.u64(), r.bytes(20480), r.hashes(64)
    a = r.u8()
    need(1 <= a <= 2, "P-12")
    s.against = signed_head(r) if a == 2 else None
    k = r.u8()
    need(1 <= k <= 2, "P-12")
    other = (r.h(), r.hashes(64)) if k == 1 else None

    def judge(w):
        by = offices(w, "receipt", rec)
        if s.against:
            size, root, to = s.against.size, s.against.root, offices(w, "head", s.against)
        else:
            size, root, to = w.H.log_size, w.H.log_root, [len([n for n in w.at_office if n < w.H.epoch])]
        need(any(all(rec.size <= z for z in w.sizes[i:j]) for i in by for j in to if i <= j), "P-331")
        leaf = log_leaf(raw)
        need(rec.first <= position < rec.first + rec.count, "P-12: position")
        need(log_root(leaf, position - rec.first, rec.count, path) == rec.batch, "P-12: path of the batch")
        need(size >= rec.size, "P-12: size")
        if other:
            need(other[0] != leaf, "P-12: the same entry")
            need(log_root(other[0], position, size, other[1]) == root, "P-12: path")
        else:
            need(size == rec.size and root != rec.root, "P-12: no other root")
        return "fraud: receipt for position %d" % position

    return judge


@kind(6)
def heads(r, s):
    a, b = signed_head(r), signed_head(r)

    def judge(w):
        need(a.raw < b.raw, "P-13: order")
        need(set(offices(w, "head", a)) & set(offices(w, "head", b)), "P-332")
        need((a.size == b.size or a.tip == b.tip) and a.message != b.message, "P-13")
        return "fraud: two heads of %d and %d entries" % (a.size, b.size)

    return judge


@kind(7)
def equivocation(r, s):
    e = read(r)
    need(e.kind == 16, "P-14")

    def judge(w):
        need(e.network == w.network and e.dao == w.dao and signed_well(e, []), "P-14")
        return "equivocation of %s" % e.two[0].member.hex()[:8]

    return judge


@kind(0x0B)
def unsigned(r, s):
    rec, position, raw, path = Receipt(r), r.u64(), r.bytes(20480), r.hashes(64)

    def judge(w):
        offices(w, "receipt", rec)
        need(rec.first <= position < rec.first + rec.count, "P-333")
        need(log_root(log_leaf(raw), position - rec.first, rec.count, path) == rec.batch, "P-333: path")
        try:
            e = entry(raw)
        except Invalid:
            return "fraud: receipt for what is no entry"
        need(e.kind in LANE, "P-333: of no lane")
        need(
            e.network != w.network or e.dao != w.dao or not signed_well(e, [x for o in w.keys for x in o]),
            "P-333: a good entry",
        )
        return "fraud: receipt for what nobody signed"

    return judge


@kind(0x0D)
def checkpoints(r, s):
    side = r.u8()
    need(side <= 1, "P-400")
    two = []
    for _ in range(2):
        start = r.at
        c = E()
        checkpoint(r, c)
        c.message = r.b[start : r.at]
        c.sig = r.take(64)
        two.append(c)

    def judge(w):
        a, b = two
        need(a.message < b.message, "P-400: order")
        need((a.network, a.dao, a.channel, a.number) == (b.network, b.dao, b.channel, b.number), "P-400")
        # G-20: what is signed begins with version and kind of the entry.
        for c in two:
            c.message = b"\1\2" + c.message
        need(a.network == w.network and a.dao == w.dao, "P-400")
        if side == 0:
            need(a.member == b.member and all(signed(c.member, "ckpt", c.message, c.sig) for c in two), "P-400")
        else:
            need(set(offices(w, "ckpt", a)) & set(offices(w, "ckpt", b)), "P-400")
        return "two checkpoints of number %d" % a.number

    return judge


@kind(0x0A)
def refill(r, s):
    l = Logged(r)
    at = r.at
    inner = statement(r)
    need(inner.kind in (2, 3, 8, 9, 0x0E, 0x0F), "P-300")

    def judge(w):
        e = l.judge(w, w.H, 20)
        made = [(e.txid, v) for v in e.created]
        w.all_gates = w.all_gates + made
        w.used = None
        words = inner.judge(w)
        need(w.used in made, "P-300: does not make the gate of the statement")
        return words

    return judge


import theft

theft.install(kind, Logged, first_outputs, payment_of)


def verify(b, headers, links=None):
    """Words, or Invalid or CannotTell."""
    if b[:8] == MAGIC and len(b) > 8 and b[8] > 6:
        raise CannotTell("P-60: a later version")
    f = parse(b)
    if f.version == 4:
        return short(f, headers, links)
    if f.version == 6:
        # P-336: everything holds, and the statement as in a file that ends with its epoch.
        judge(f, headers, Same)
        cut(f, f.about)
    return judge(f, headers, f.statement)


class Same:
    judge = staticmethod(lambda w: None)


def cut(f, n):
    """P-162: the file without what stands behind epoch n."""
    f.epochs = f.epochs[:n]
    over = [s for s in f.successions if s.number > n]
    f.successions = [s for s in f.successions if s.number <= n]
    if over:
        f.moves = over[0].moves
    used = {h.charter for h, _, _ in f.epochs}
    f.charters = f.charters[:1] + [c for c in f.charters[1:] if c.hash in used]


def judge(f, headers, statement):
    network = f.charters[0].network
    need(network in NETWORKS, "R-51")
    hashes = header_chain(headers, network)
    top = [f.genesis.height] + [s.link.height for s in f.successions]
    top += [m.height for s in f.successions for m, _ in s.moves] + [m.height for m, _ in f.moves]
    for h, e, _ in f.epochs:
        top += [h.height, e.height]
    if max(top) >= len(hashes):
        raise CannotTell("P-8: the blocks end too early")
    w = walk(f, hashes)
    w.all_gates = w.gates
    w.f = f
    w.at_office = [s.number for s in f.successions]
    words = statement.judge(w)
    if len(hashes) - w.last.height < w.final_depth:
        raise CannotTell("P-8: the last link is not final")
    return words


def short(f, headers, links):
    if links is None:
        raise CannotTell("P-163: no link file")
    try:
        l = parse(links)
    except Invalid as e:
        raise CannotTell("P-163: link file: %s" % e)
    if l.version == 4:
        raise CannotTell("P-163: the link file is short")
    n, H = f.H.epoch, f.H
    dao = alt("dao", l.charters[0].network + l.charters[0].hash + point((l.genesis.id, 0)))
    if dao != H.dao:
        raise CannotTell("P-163: links of another DAO")
    if not 1 <= n <= len(l.epochs):
        raise CannotTell("P-163: no epoch %d" % n)
    cut(l, n)
    try:
        judge(l, headers, Same)
    except Invalid as e:
        raise CannotTell("P-163: %s" % e)
    except CannotTell as e:
        if "not final" not in str(e):
            raise
    W, e, raw = l.epochs[-1]
    if W.raw != H.raw:
        if W.spare != H.spare:
            raise CannotTell("P-163: another spare seal")
        raise Invalid("P-162: another header")
    need(raw == f.raw_link, "P-162: another link")
    return judge(l, headers, f.statement)


if __name__ == "__main__":
    a = sys.argv[1:]
    links = None
    if "--links" in a:
        i = a.index("--links")
        links = open(a[i + 1], "rb").read()
        del a[i : i + 2]
    try:
        print("valid:", verify(open(a[0], "rb").read(), open(a[1], "rb").read(), links))
        sys.exit(0)
    except Invalid as e:
        print("invalid:", e)
        sys.exit(1)
    except CannotTell as e:
        print("cannot tell:", e)
        sys.exit(2)
