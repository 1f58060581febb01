"""Judges the test vectors of docs/spec/vectors. usage: vectors.py FOLDER; exit 1 when one is judged otherwise than it says."""

import json
import sys
from pathlib import Path

from basics import *
from entries import entry, signed_well
import verify

FOLDER = Path(sys.argv[1])
wrong = []


def say(what, right, words):
    print("ok" if right else "WRONG", what, "|", words)
    if not right:
        wrong.append(what)


def load(name):
    return json.loads((FOLDER / name).read_text())


def hexed(text):
    return bytes.fromhex(text)


def judged(file, headers, links=None):
    try:
        return 0, verify.verify(hexed(file), hexed(headers), links and hexed(links))
    except Invalid as why:
        return 1, str(why)
    except CannotTell as why:
        return 2, str(why)


def row(group, row, headers):
    want = row.get("exit", 1 if "refused" in row else 0)
    got, words = judged(row["file"], headers, row.get("links"))
    say(group + ": " + row.get("what", ""), got == want, words)


# Whole proof files.
for name, group in load("proofs.json").items():
    rows = group["files"] if isinstance(group, dict) and "files" in group else group if isinstance(group, list) else []
    for r in rows:
        if "file" in r:
            row(name, r, r["headers"] if "headers" in r else group["headers"])

# Every kind of entry (G-20): form, id, signatures.
for n, r in enumerate(load("entries.json")["entries"]):
    e = entry(hexed(r["bytes"]))
    say("entry %d of kind %d" % (n, e.kind), e.entry_id == hexed(r["id"]) and e.raw == hexed(r["bytes"]), "")

# Anchoring.
anchor = load("anchor.json")
for r in anchor["commitment_output"]:
    script = link_script(hexed(r["anchor_key"]), hexed(r["commitment"]))
    say("A-2", script == hexed(r["output_script"]), script.hex())
chain = anchor["chain"]
hashes = header_chain(hexed(chain["headers"]), next(k for k, v in NETWORKS.items() if v == chain["network"]))
say("A-40", len(hashes) == chain["tip_height"] + 1, "")
genesis = evidence(hexed(chain["genesis_evidence"]))
in_chain(genesis, hashes)


def link(raw, r, before):
    """A-5, A-6 and A-51 of a link that spends output 0 of `before`."""
    e = evidence(raw)
    need(e.ins[0][0] == (before.id, 0), "A-5")
    need(e.outs[0][0] == link_script(hexed(r["anchor_key"]), hexed(r["commitment"])), "A-6")
    in_chain(e, hashes)
    return e


before = genesis
for n, r in enumerate(chain["links"], 1):
    before = link(hexed(r["evidence"]), r, before)
    say("link %d" % n, (before.height, len(hashes) - before.height) == (r["height"], r["depth"]), "")
for r in anchor["refused_evidence"]:
    try:
        link(hexed(r["evidence"]), chain["links"][0], genesis)
        say(r["name"], False, "taken")
    except Invalid as why:
        say(r["name"], str(why).startswith(r["clause"]), "%s: %s" % (r["clause"], why))

# What Bitcoin's own tests say of A-42 (src/test/pow_tests.cpp).
for first, last, old, new in [
    (1261130161, 1262152739, 0x1D00FFFF, 0x1D00D86A),
    (1231006505, 1233061996, 0x1D00FFFF, 0x1D00FFFF),
    (1279008237, 1279297671, 0x1C05A3F4, 0x1C0168FD),
    (1263163443, 1269211443, 0x1C387F6F, 0x1D00E1FD),
]:
    say("A-42", retarget(old, last - first, LIMIT["bitcoin"]) == new, "%08x" % new)

print("%d wrong" % len(wrong))
sys.exit(1 if wrong else 0)
