"""Credentials made up from the facts (token-facts.tsv): each row becomes a maker of secrets, or says why it cannot.

Reads prefixes, alphabet, length and structure of a row, never a rule. One provider in five, by the hash of its name, is
held out: what is measured on those was never looked at while rules and model were worked on.
"""

import csv
import hashlib
import re

from . import forms
from .randomness import ALPHABETS

CLASSES = sorted([*ALPHABETS, "base32"], key=len, reverse=True)


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def held_out(provider):
    return hashlib.sha256(provider.lower().encode()).digest()[0] % 5 == 0


class Unusable(Exception):
    """The row's format cannot be made."""


def alphabet(text):
    """Letters of `alnum plus . _` and the like."""
    text = re.sub(r"\(.*?\)", "", text).strip()
    if text.startswith("one of "):
        return "".join(text[7:].split())
    name, _, more = text.partition(" plus ")
    name = name.strip()
    if name.endswith("="):
        name = name[:-1]
    name = {"uuid": "hex-lower", "upper A-Z": "upper", "base64-any": "base64"}.get(name, name)
    if name not in ALPHABETS:
        raise Unusable(f"alphabet `{text}`")
    extra = "".join(part for part in more.replace("and ", "").replace("tilde", "~").replace("backslash", "\\").split() if len(part) == 1)
    extra = "".join(c for c in extra if c not in "\\`^[]=")  # what would need quoting, or is padding
    return ALPHABETS[name] + extra


def count(text, r):
    low, _, high = text.partition("-")
    low = int(low)
    high = min(int(high), low + 24) if high else low
    return r.number(low, high)


CLASS_WORDS = "|".join(map(re.escape, CLASSES))
ATOM = re.compile(
    rf"""\s*(?:
      "(?P<quoted>[^"]*)"
    | \("(?P<either>[^()]*?)"\)
    | (?P<prefix>prefix)\b
    | (?P<uuid>uuid)(?:\s+shape)?(?:\s+\((?P<uuidclass>[a-z-]+)\))?
    | (?P<repeat>\d+(?:-\d+)?)\s+x\s+\((?P<inner>[^()]*)\)
    | (?:at\s+least\s+(?P<least>\d+)|(?P<any>any\s+number\s+of)|(?P<count>\d+(?:-\d+)?)(?:\s+or\s+\d+)*)\s+
      (?P<class>one\s+of(?:\s\S)+|(?:{CLASS_WORDS})(?![\w])(?:\s+plus(?:\s\S)+?(?=\s\+\s|\s*$|;|\s\())?|any\s+char\w*|char\w*)
    )\s*(?:\([^()]*\))?\s*""",
    re.X,
)  # fmt: skip


def atoms(spec, prefixes, r):
    """Makes what a structure such as `prefix + 93 base64url + AA` says."""
    at, out = 0, []
    while at < len(spec):
        found = ATOM.match(spec, at)
        if found:
            g = found.groupdict()
            if g["quoted"] is not None:
                out.append(g["quoted"])
            elif g["either"] is not None:
                out.append(r.choice(re.split(r'" or "', g["either"])))
            elif g["prefix"]:
                if not prefixes:
                    raise Unusable("no prefix")
                out.append(r.choice(prefixes))
            elif g["uuid"]:
                out.append(r.uuid() if not g["uuidclass"] else
                           "-".join(r.text(alphabet(g["uuidclass"]), n) for n in (8, 4, 4, 4, 12)))  # fmt: skip
            elif g["repeat"]:
                for _ in range(count(g["repeat"], r)):
                    out.append(atoms(g["inner"], prefixes, r))
            else:
                low = int(g["least"]) + r.number(0, 8) if g["least"] else 0 if g["any"] else count(g["count"], r)
                kind = g["class"]
                letters = ALPHABETS["alnum"] if "char" in kind else alphabet(kind)
                out.append(r.text("." if kind.startswith("any char") else letters, low))
            at = found.end()
        else:
            # A bare literal up to the next plus sign.
            literal = re.match(r"\s*([^\s\"]+)\s*(?=\+ |$)", spec[at:])
            if not literal or literal.group(1) in ("space", "same", "groups"):
                raise Unusable(f"structure `{spec[at:at + 40]}`")
            out.append(literal.group(1))
            at += literal.end()
        if at < len(spec):
            if not spec.startswith("+", at):
                raise Unusable(f"structure `{spec[at:at + 40]}`")
            at += 1
    return "".join(out)


def lengths(text):
    """Total lengths a row allows, or None."""
    body = re.search(r"(?:total|body)=(?:at least )?(\d+)(?:-(\d+))?((?: or \d+)*)", text)
    if not body:
        return None
    low = int(body.group(1))
    values = [low, *map(int, re.findall(r"\d+", body.group(3)))]
    return range(low, int(body.group(2)) + 1) if body.group(2) else values


def parse(row, r):
    """A secret of the row, and its other halves (name -> text)."""
    if row["id"] in forms.PAIRS:
        _, secret, _, public = forms.PAIRS[row["id"]]
        return atoms(secret, [], r), {"id": atoms(public, [], r)}
    if row["id"] in forms.MADE:
        return forms.MADE[row["id"]](row, r), {}
    prefixes = [p for p in row["prefixes"].split("|") if p]
    if row["id"] in forms.FORMS:
        return atoms(forms.FORMS[row["id"]], prefixes, r), {}
    if any(mark in row["id"] for mark in forms.ELSEWHERE):
        raise Unusable("planted elsewhere")
    structure = row["structure"]
    if structure.startswith("named in GitHub") or not row["alphabet"]:
        raise Unusable("no format is known")
    if row["secret_part"].startswith("none") or row["secret_part"].startswith("not secret"):
        raise Unusable("not a secret by itself")
    main, _, used = structure.partition("; used with ")
    main = re.split(r"; | beside | in x-| usually| where |, usually|, within| carrying|, no padding", main)[0].strip()
    halves = {}
    for name, spec in re.findall(r"(\w+): (.*?)(?= and \w+: |$)", used):
        if spec.strip() == main:
            continue  # the row's own half
        try:
            halves[name] = atoms(spec.strip(), prefixes, r)
        except Unusable:
            pass
    try:
        secret = atoms(main, prefixes, r)
    except Unusable:
        secret = fallback(row, prefixes, r)
    allowed = lengths(row["length"])
    # Some rows count the prefix, some do not; a form that fits neither was misread.
    longest = max((len(p) for p in prefixes), default=0)
    if allowed and not any(len(secret) - skip in allowed for skip in range(longest + 1)) and "at least" not in row["length"]:
        raise Unusable("the length does not come out")
    if len(secret) < 5 or any(c in secret for c in "\"'` \n"):
        raise Unusable("cannot stand in a line")
    return secret, halves


def fallback(row, prefixes, r):
    """Prefix and alphabet alone, for rows whose structure is prose; only where that is all there is to it."""
    if row["checksum"] not in ("none", "") or row["alphabet"] in ("uri", "url", "PEM", "text", "json", "jwt", "words", "bech32"):
        raise Unusable("its structure is told in prose")
    body = re.search(r"body=(\d+)", row["length"])
    total = re.search(r"total=(\d+)", row["length"])
    prefix = r.choice(prefixes) if prefixes else ""
    if body:
        length = int(body.group(1))
    elif total:
        length = int(total.group(1)) - len(prefix)
    else:
        raise Unusable("no length")
    return prefix + r.text(alphabet(row["alphabet"]), length)
