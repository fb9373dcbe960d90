"""Planted secrets: one after the other in a form of its own, put into files among ordinary lines.

A plant is a dictionary: class, kind, provider, held (held out), carrier, secret, text (the lines that hold it), end (how
its file's name ends). Files hold one to three plants of a like kind; the manifest tells the lines of each.
"""

import base64
import gzip
import quopri
import re
import urllib.parse

from . import carriers, connections, credential_files, facts, filler, forms
from .randomness import Source

PASSWORD_WORDS = [["password"], ["db", "password"], ["smtp", "password"], ["admin", "password"], ["passwd"], ["mysql", "root", "password"], ["redis", "password"], ["ftp", "password"],
                  ["keystore", "password"], ["user", "password"], ["ldap", "bind", "password"], ["root", "pwd"], ["db", "pass"], ["mail", "passwd"], ["jdbc", "password"], ["sudo", "password"],
                  ["service", "account", "password"], ["key", "passphrase"], ["vault", "password"], ["broker", "password"], ["proxy", "pass"], ["login", "pwd"]]  # fmt: skip
SECRET_WORDS = [["secret"], ["client", "secret"], ["api", "key"], ["api", "token"], ["auth", "token"], ["access", "token"], ["secret", "key"], ["app", "secret"], ["jwt", "secret"],
                ["encryption", "key"], ["signing", "key"], ["session", "secret"], ["webhook", "secret"], ["refresh", "token"], ["bearer", "token"], ["private", "key"], ["access", "key"],
                ["service", "token"], ["cookie", "secret"], ["master", "key"], ["bot", "token"], ["deploy", "token"], ["hmac", "secret"], ["internal", "api", "key"], ["license", "key"],
                ["consumer", "secret"], ["shared", "secret"], ["admin", "token"], ["x", "api", "key"], ["auth", "key"], ["secret", "token"], ["account", "key"]]  # fmt: skip


def named(form):
    return re.search(r"\{[nNskdcP]\}", form) is not None


def key_words(row, r):
    """The words of a variable that holds a credential of this row."""
    provider = carriers.slug(row["provider"])[:2]
    keyword = [k for k in row["keywords"].split("|") if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{2,}", k)]
    start = r.choice([provider[:1], provider, provider[:1]]) or ["service"]
    if keyword and r.chance(0.5):
        chosen = r.choice(keyword)
        words = [word.lower() for word in re.split(r"[_-]", chosen)]
        if any(w in words for w in ("key", "token", "secret", "password", "apikey")):
            return words
        start = words
    kind = row["kind"].lower()
    tail = next((t for word, t in (("webhook", ["webhook"]), ("password", ["password"]), ("secret", ["secret"]), ("token", ["token"]), ("key", ["api", "key"])) if word in kind), ["key"])
    return [*start, *r.choice([tail, tail, tail, ["api", "key"], ["token"]])]


def from_facts(rows, seed, copies):
    kinds = [*carriers.CODE, *carriers.CONFIG]
    for row in rows:
        for copy in range(copies[row["class"]]):
            r = Source(seed, "fact", row["id"], copy)
            try:
                secret, halves = facts.parse(row, r)
            except facts.Unusable:
                break
            for _ in range(60):
                kind = r.choice(kinds)
                if not carriers.fits(kind, secret):
                    continue
                words = key_words(row, r)
                pair = forms.PAIRS.get(row["id"])
                provider = carriers.slug(row["provider"])[:1] or ["service"]
                if pair:
                    words = [*provider, *pair[0]]
                bare = row["class"] == "structured" and r.chance(0.3)
                text, form = carriers.carry(kind, ["value"] if bare else words, secret, r)
                if row["class"] != "structured" and not named(form):
                    continue
                lines = []
                for name, half in halves.items():
                    if carriers.fits(kind, half):
                        lines.append(carriers.carry(kind, [*provider, *(pair[2] if pair else carriers.slug(name))], half, r)[0])
                head = f"{carriers.slug(row['provider'])[0]} " if carriers.slug(row["provider"]) and r.chance(0.15) else ""
                before = "\n".join(lines)
                yield plant(row["class"], row["id"], row["provider"], kind, secret, text, carriers.ALL[kind][0], before, head)
                break


def plant(group, kind, provider, carrier, secret, text, end, before="", head=""):
    return {"class": group, "kind": kind, "provider": provider, "held": facts.held_out(provider), "carrier": carrier, "secret": secret, "text": text, "end": end,
            "before": before, "head": head}  # fmt: skip


def generic(seed, number, password):
    kinds = [*carriers.CODE, *carriers.CONFIG, *carriers.MULTILINE]
    made = 0
    while made < number:
        r = Source(seed, "password" if password else "secret", made)
        kind = kinds[made % len(kinds)]
        made += 1
        for _ in range(80):
            if password:
                human = r.chance(0.5)
                secret = r.human_password() if human else r.machine_password()
                words = r.choice(PASSWORD_WORDS)
            else:
                human, secret = False, r.machine_secret()
                words = r.choice(SECRET_WORDS)
            if r.chance(0.3):
                words = [r.word(), *words]
            if not carriers.fits(kind, secret):
                continue
            text, form = carriers.carry(kind, words, secret, r)
            if password and not named(form):
                continue
            # Providers of nobody: held out by the copy's number, one in five.
            found = plant("generic password" if password else "generic secret", ("human" if human else "machine") if password else "key", "", kind, secret, text, carriers.ALL[kind][0])
            found["held"] = made % 5 == 0
            yield found
            break


def addresses(seed, number):
    for index in range(number):
        r = Source(seed, "address", index)
        (value, secret), holders = (connections.uri(r), connections.HOLDERS) if r.chance(0.65) else (connections.ado(r), connections.ADO_HOLDERS)
        end, form = r.choice(holders)
        found = plant("connection string", value.split(":")[0][:12] if "://" in value else "ado", "", "address", secret, form.replace("{v}", value), end)
        found["held"] = index % 5 == 0
        yield found


def keys(seed, number):
    for index in range(number):
        r = Source(seed, "key", index)
        text, kind = connections.private_key(r)
        end, held = connections.hold_key(text, r)
        found = plant("private key", kind, "", "key file" if end[0] != "." else end, text.splitlines()[2], held, end)
        found["held"] = index % 5 == 0
        yield found


def credential_plants(seed, copies):
    for path, form in credential_files.FILES.items():
        for copy in range(copies):
            r = Source(seed, "file", path, copy)
            p = connections.password(r)
            t = r.choice([r.text("alnum", 40), r.text("base64url", 43).strip("-_") + "x8", r.text("lower-alnum", 32)])
            hexes, word = r.text("hex-lower", 32), r.word()
            user = r.choice(["deploy", "svc-" + r.word(), r.choice(["anna", "felix", "mona"])])
            from . import checks

            s, q, b = r.text("base64", 40), base64.b64encode(p.encode()).decode(), base64.b64encode(f"{user}:{p}".encode()).decode()
            W = base64.b64encode(bytes([r.bytes(1)[0] & 248]) + r.bytes(30) + bytes([r.bytes(1)[0] & 63 | 64])).decode()
            filled = {"p": p, "t": t, "x": hexes if r.chance(0.5) else r.text("hex-lower", 40), "k": hexes, "h": r.host(), "u": user, "w": word, "W2": word.upper(), "q": q, "b": b, "s": s,
                      "A": checks.aws_key_id("AKIA", r), "W": W, "T": r.text("alnum", 64)}  # fmt: skip
            text = form.format(**filled).rstrip("\n")
            # Each line that holds a secret is a plant; the aws id goes with its key.
            line_of, led = {}, {}
            for number, (line, made) in enumerate(zip(form.split("\n"), text.split("\n"))):
                for mark in ("p", "t", "x", "k", "q", "b", "s", "W", "T"):
                    if f"{{{mark}}}" in line:
                        line_of[number] = filled[mark]
                        led[number] = int(number > 0 and "{A}" in form.split("\n")[number - 1])
            found = plant("credential file", path, "", path, "", text, path)
            found["whole"], found["lines"], found["led"] = True, line_of, led
            found["held"] = facts.held_out(path)
            yield found


ENCODINGS = {
    "base64": lambda t, r: base64.b64encode(t).decode(), "base64url unpadded": lambda t, r: base64.urlsafe_b64encode(t).decode().rstrip("="),
    "hex": lambda t, r: t.hex(), "percent": lambda t, r: urllib.parse.quote(t, safe=""),
    "percent all": lambda t, r: "".join(f"%{b:02x}" for b in t), "unicode escapes": lambda t, r: '"' + "".join(f"\\u{b:04x}" for b in t) + '"',
    "x escapes": lambda t, r: '"' + "".join(f"\\x{b:02x}" for b in t) + '"', "html entities": lambda t, r: "<p>" + "".join(f"&#{b};" for b in t) + "</p>",
    "html entities hex": lambda t, r: "<p>" + "".join(f"&#x{b:x};" for b in t) + "</p>",
    "quoted-printable": lambda t, r: "Content-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(t.replace(b"\n", b" ") + b" =", quotetabs=True).decode().rstrip(),
    "gzip base64": lambda t, r: base64.b64encode(gzip.compress(t, mtime=0)).decode(), "base64 twice": lambda t, r: base64.b64encode(base64.b64encode(t)).decode(),
    "helm": lambda t, r: base64.b64encode(base64.b64encode(gzip.compress(t, mtime=0))).decode(),
    "base64 wrapped": lambda t, r: "\n".join(re.findall(".{1,64}", base64.b64encode(b"{\"comment\": \"generated by the deploy job, keep until the next release\", \"data\": \"" + t + b"\"}").decode())),
}  # fmt: skip


def encoded(rows, seed, number):
    tokens = [row for row in rows if row["class"] == "structured" and row["prefixes"] and row["popularity"] >= "3"]
    names = list(ENCODINGS)
    made = index = 0
    while made < number:
        r = Source(seed, "encoded", index)
        index += 1
        row = r.choice(tokens)
        try:
            secret, _ = facts.parse(row, r)
        except facts.Unusable:
            continue
        name = names[made % len(names)]
        inner = r.choice([secret, f"{'_'.join(carriers.slug(row['provider'])[:1] or ['api']).upper()}_TOKEN={secret}\n", f'{{"token": "{secret}"}}'])
        if "=" in name and inner != secret:
            inner = secret
        outer = ENCODINGS[name](inner.encode(), r)
        kube = name in ("base64", "helm", "gzip base64") and r.chance(0.6)
        if kube:
            key = r.choice(["token", "config.json", ".env", "release", "credentials"])
            text = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {r.word()}\ndata:\n  {key}: {outer}"
            end = ".yaml"
        elif "\n" in outer:
            text, end = outer, ".txt"
        else:
            end, form = r.choice([(".py", "blob = '{}'"), (".json", '  "payload": "{}",'), (".env", "BLOB={}"), (".txt", "{}"), (".js", "const data = atob('{}');")])
            text = form.format(outer.strip('"') if '"' in form else outer)
        yield plant("encoded", name, row["provider"], name, secret, text, end)
        made += 1


def corpus(rows, seed=4, share=1.0):
    """All plants, in order."""
    def some(count):
        return max(1, round(count * share))

    yield from from_facts(rows, seed, {"structured": some(4), "composite": some(3), "contextual": some(2)})
    yield from generic(seed, some(1500), False)
    yield from generic(seed, some(1500), True)
    yield from addresses(seed, some(400))
    yield from keys(seed, some(180))
    yield from credential_plants(seed, some(4))
    yield from encoded(rows, seed, some(420))


def write(plants, folder, seed=4):
    """Writes the files; the manifest as a list of plants with path, first and last line, one-based."""
    manifest, group = [], []

    def flush(group, number):
        r = Source(seed, "placing", number)
        first = group[0]
        end = first["end"]
        whole = first.get("whole")
        if whole:
            path = folder / f"planted/{number // 200}/{r.word()}{number}" / end
            before = []
        elif end.startswith("."):
            path = folder / f"planted/{number // 200}/{r.word()}_{number}{end}" if "/" not in end else folder / f"planted/{number // 200}/{r.word()}{number}" / end
            before = filler.lines(end, r.number(3, 25), r)
        else:
            path = folder / f"planted/{number // 200}/{r.word()}{number}" / end
            before = filler.lines(end, r.number(2, 14), r) if "key" not in first["class"] else []
        lines = list(before)
        for plant in group:
            if plant["head"]:
                lines.append(f"# {plant['head']}" if not end.endswith((".json", ".xml", ".js", ".java")) else "")
            if plant["before"]:
                lines += plant["before"].split("\n")
            start = len(lines) + 1
            lines += plant["text"].split("\n")
            record = {key: plant[key] for key in ("class", "kind", "provider", "held", "carrier", "secret")}
            if whole:
                for offset, secret in plant["lines"].items():
                    manifest.append({**record, "secret": secret, "path": str(path.relative_to(folder)), "first": start + offset, "last": start + offset,
                                     "zone": start + offset - plant["led"].get(offset, 0)})  # fmt: skip
            else:
                manifest.append({**record, "path": str(path.relative_to(folder)), "first": start, "last": len(lines),
                                 "zone": start - len(plant["before"].split("\n")) if plant["before"] else start})  # fmt: skip
            if not whole:
                lines += filler.lines(end, r.number(1, 10), r)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    number = 0
    for plant in plants:
        limit = 3 if plant["class"] in ("structured", "generic secret", "generic password", "contextual") else 1
        if group and (len(group) >= limit or group[0]["end"] != plant["end"] or plant.get("whole") or group[0]["class"] != plant["class"]):
            flush(group, number)
            number, group = number + 1, []
        group.append(plant)
    if group:
        flush(group, number)
    return manifest
