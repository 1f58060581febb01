"""V-20 to V-31: what sums decide (voting.md)."""

from trees import *


def meets(rule, yes, no):
    return yes > no if rule.threshold is None else yes > 0 and yes * 10000 >= (yes + no) * rule.threshold


def possible(rule, b, s, dormant=0, members=True):
    """All outcomes (number, winner) that these sums allow: several only where options are level, or of a run-off."""
    n, param = b.system
    W, standing, abstain, cast = b.weight(s) - dormant, b.standing(s), b.abstain(s), b.cast(s)
    need(W >= 0, "G-46: more dormant than there is")
    distinct = rule.distinct if members else 0
    part = s[0] if not b.own else cast
    turnout = (
        W > 0
        and b.ballots(s) >= distinct
        and (rule.quorum_kind == 1 or (W > standing and (part + abstain) * 10000 >= (W - standing) * rule.quorum))
    )
    if n == 9:
        if W == 0:
            return {(3, None)}
        return {(2, None)} if s[1] * 10000 >= W * rule.oppose_bp else {(1, None)}
    if n in (0, 1):
        yes, no, veto = s[0], s[1], s[2] if n == 1 else 0
        if not turnout or (rule.quorum_kind == 1 and yes * 10000 < W * rule.quorum):
            return {(3, None)}
        no += veto
        if n == 1 and veto > 0 and veto * 10000 >= (yes + no) * rule.veto_bp:
            return {(5, None)}
        if yes == no > 0:
            return {(4, None)}
        return {(1, None)} if meets(rule, yes, no) else {(2, None)}
    if not turnout:
        return {(3, None)}
    none = b.options
    u = param if n == 4 else isqrt(param) if n == 8 else 1

    def judged(w, yes, no):
        if w == none or not meets(rule, yes, no):
            return (2, None)
        if rule.quorum_kind == 1 and yes * 10000 < W * u * rule.quorum:
            return (3, None)
        if rule.quorum_kind == 0 and max(0, (cast + abstain) * u - no) * 10000 < (W - standing) * u * rule.quorum:
            return (3, None)
        return (1, w)

    if n == 5:
        # P-7: more than half of the first places elects; nothing else follows from first places.
        top = [i for i in range(none + 1) if s[i] * 2 > cast]
        if top == [none]:
            return {(2, None)}
        return {(2, None), (3, None)} | {(1, w) for w in (top or range(none))}
    if n == 6:
        m = none + 1
        d = [s[a * m : a * m + m] for a in range(m)]
        p = [[d[a][c] if d[a][c] > d[c][a] else 0 for c in range(m)] for a in range(m)]
        for k in range(m):
            for i in range(m):
                for j in range(m):
                    if i != j:
                        p[i][j] = max(p[i][j], min(p[i][k], p[k][j]))
        level = [a for a in range(m) if all(p[a][c] >= p[c][a] for c in range(m) if c != a)]
        return {judged(w, d[w][none] if w != none else 0, d[none][w] if w != none else 0) for w in level}
    best = max(s[: none + 1])
    return {judged(w, s[w], s[none]) for w in range(none + 1) if s[w] == best}
