"""P-15, P-146, P-147: unauthorised spends, judged as the alarm is (T-336, T-71 to T-74, T-86, T-96)."""

from basics import *
from trees import *
from charter import *


def install(kind, Logged, first_outputs, payment_of):
    def leaves(r):
        return r.list(lambda: (r.h(), r.bytes(4096), r.sums()), 1 << 16)

    def part_of_the_proposal(w, l, key, d):
        """As in P-10: the payment that the leaf authorises."""
        e = l.judge(w, w.H, 3)
        ms = [None] + list(range(32))
        m = next((m for m in ms if key == (e.id if m is None else milestone_key(e.id, m))), -1)
        need(m != -1, "P-15: the leaf is of another proposal")
        need(d.cls == e.cls and d.auth and d.outcome == 1, "P-10")
        spend = payment_of(e, d.winner, m)
        for k, (intent, amount) in zip(range(len(spend[0]), 0, -1), first_outputs(e.id, spend)):
            if (intent, amount) == (d.auth[3], d.auth[2]):
                return spend[0][:k], spend[1]
        raise Invalid("P-15: what is authorised is no part of the proposal")

    def common(w, t, ls):
        in_chain(t, w.hashes)
        need(w.H.height >= t.height, "P-15: H closed before")
        need(decisions_root(ls) == w.H.decisions, "P-15: decisions_root")
        ds = [(k, decision_value(v)) for k, v, _ in ls]
        return {d.gate: (k, d) for k, d in ds if d.gate}

    def judged(w, t, sources, intents, gates):
        """P-147. intents: (gate, outputs, cap, decision), in the order of the inputs."""
        treasuries = []
        for h, c in w.since:
            if h <= t.height and (not treasuries or treasuries[-1].descriptor != c.descriptor):
                treasuries.append(c)
        scripts = {}

        def tables():
            for n, c in enumerate(treasuries):
                for i in range(1000):
                    scripts[script_at(c.descriptor, i)] = (n, i)

        tables()
        known = {w.genesis.id: w.genesis}
        known.update({s.id: s for s in sources})
        coins = {}
        for at, (o, _, _) in enumerate(t.ins):
            s = known.get(o[0])
            if s and o[1] < len(s.outs) and s.outs[o[1]][0] in scripts:
                coins[o] = (at, s.outs[o[1]], s)
        ins = [o for o, _, _ in t.ins]
        spent_gates = [o for o in ins if o in gates]
        need(coins or spent_gates, "P-147: the file shows no coin of the treasury")
        newest = max([scripts[c[1][0]][0] for c in coins.values()], default=0)
        back = lambda out: scripts.get(out[0], (-1,))[0] >= newest
        decided = [x for x in intents if x]
        if decided:
            for _, outs, cap, d in decided:
                c = [c for h, c in w.since if h <= d.auth[0]][-1]
                if c.staging and sum(v for _, v in outs) >= c.staging[0]:
                    raise CannotTell("P-145: staged payments are not judged here")
            if not all(d.auth[0] <= t.height < d.auth[1] for _, _, _, d in decided):
                return "at a height that is not authorised"
            want = [o for _, outs, _, _ in decided for o in outs]
            if t.outs[: len(want)] != want:
                return "other outputs"
            if not all(back(o) for o in t.outs[len(want) :]):
                return "further outputs"
            if len(coins) == len(ins):
                fee = sum(c[1][1] for c in coins.values()) - sum(v for _, v in t.outs)
                if fee > sum(cap for _, _, cap, _ in decided):
                    return "fee"
            raise Invalid("P-15: it was decided")
        if all(back(o) for o in t.outs):
            raise Invalid("P-15: everything goes back")
        if not spent_gates:

            def bond(s):
                return any(o[0][:17] == b"\x6a\x33" + b"althing/bond/v1" and o[0][17:49] == w.dao for o in s.outs)

            def seal(o, c):
                n, i = scripts[c[1][0]]
                return c[0] == 0 and len(coins) == 1 and i == 0 and len(t.outs) > 1 and t.outs[1][0] == c[1][0]

            need(not all(bond(c[2]) or seal(o, c) for o, c in coins.items()), "P-147: may be what moves by other rules")
        return "no decision allows it"

    @kind(8)
    def gate(r, s):
        g, t, ls, p = r.outpoint(), r.bytes(131072), leaves(r), r.option(lambda: Logged(r))
        t = evidence(t)

        def judge(w):
            of = common(w, t, ls)
            need(g in w.all_gates and g in [o for o, _, _ in t.ins], "P-15: no gate that it spends")
            w.used = g
            gates = set(w.all_gates) | set(of)
            if g not in of:
                need(p is None, "P-15: a proposal of no leaf")
                mine = None
            else:
                key, d = of[g]
                need(p is not None, "P-15: no proposal")
                outs, cap = part_of_the_proposal(w, p, key, d)
                mine = (g, outs, cap, d)
            others = [o for o, _, _ in t.ins if o in of and o != g]
            if others:
                need(
                    mine is None or not (mine[3].auth[0] <= t.height < mine[3].auth[1]),
                    "P-15: it pays several decisions",
                )
                return "unauthorised spend of a gate"
            return "unauthorised spend: " + judged(w, t, [], [mine], gates)

        return judge

    @kind(0x12)
    def coins(r, s):
        t = evidence(r.bytes(131072))
        sources = r.list(lambda: tx_parse(r.bytes(100000)), 256)
        ls = leaves(r)
        ps = r.list(lambda: Logged(r), 256)

        def judge(w):
            of = common(w, t, ls)
            ins = [o for o, _, _ in t.ins]
            ids = [x.id for x in sources]
            need(len(set(ids)) == len(ids) and w.genesis.id not in ids, "P-146: sources")
            order = []
            for o in ins:
                if o[0] not in order:
                    order.append(o[0])
            need([i for i in order if i in ids] == ids, "P-146: order of sources")
            named = [o for o in ins if o in of]
            need(len(named) == len(ps), "P-146: proposals")
            intents = []
            for o, p in zip(named, ps):
                key, d = of[o]
                outs, cap = part_of_the_proposal(w, p, key, d)
                intents.append((o, outs, cap, d))
            return "unauthorised spend: " + judged(w, t, sources, intents, set(w.all_gates) | set(of))

        return judge
