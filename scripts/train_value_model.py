#!/usr/bin/env python3
"""Trains the model that judges values (src/engine/model): writes its word list and its weights, prints its curve.

    scripts/train_value_model.py words PACKAGES             -> src/engine/model/words.bin
    scripts/train_value_model.py weights PACKAGES PROGRAM   -> src/engine/model/weights.rs

PACKAGES is the folder that `benches/accuracy_corpus/packages.py FOLDER train` fills with source archives of packages that
the measurement of false alarms does not use. PROGRAM is `target/.../examples/value_features`. Needs numpy and scikit-learn.

Secrets are generated here: passwords as people and as machines make them, keys and tokens as services issue them, with
words from the packages' own texts, standing in the carriers of the accuracy corpus under many names. What the engine
weighs in the packages' files outside of tests, documentation and examples is taken for no secret. The two kinds are told
apart by a logistic regression over one-hot buckets; its logits become points of confidence, 8 to a unit, which is
fewer than a calibrated 18, since real files are more varied than generated ones. The intercept is set so that at 50 points as many of the packages' values pass as
ALARMS says.
"""

import collections
import itertools
import math
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
MODEL = TOP / "src" / "engine" / "model"
sys.path.insert(0, str(TOP / "benches"))
WORDS = 3000
POINTS_PER_UNIT = 8
# Where a value stands tells generated files from packages too well; such features are held back.
HELD_BACK = {name: 0.3 for name in ("quoting", "operator", "before name", "after value", "lead", "neighbours", "samples near", "name style", "name words")}
# The share of the packages' values that may reach 50 points, by column (passwords, keys and tokens).
ALARMS = (0.012, 0.012)
QUIET = re.compile(r"(^|/)(tests?|testing|__tests__|specs?|docs?|documentation|examples?|samples?|fixtures?|testdata|mocks?|vendor|site-packages|node_modules)(/|$)"
                   r"|[._-](test|spec)\.|test_|\.(md|rst|lock|snap)$|\.min\.js$", re.I)  # fmt: skip


def texts(folder):
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            yield path, path.read_text(errors="ignore")


def fnv(word):
    value = 0x811C9DC5
    for byte in word.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def vocabulary(folder):
    """The words that most packages have, at least four letters long."""
    packages = collections.Counter()
    for registry in sorted(Path(folder).iterdir()):
        for package in sorted(registry.iterdir()):
            seen = set()
            for _, text in itertools.islice(texts(package), 200):
                for run in re.findall(r"[A-Za-z]+", text[:200_000]):
                    for word in re.findall(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}", run):
                        if 4 <= len(word) <= 14:
                            seen.add(word.lower())
            packages.update(seen)
    return [word for word, _ in sorted(packages.items(), key=lambda item: (-item[1], item[0]))]


def write_words(folder):
    words = vocabulary(folder)
    chosen = sorted(fnv(word) for word in words[:WORDS])
    (MODEL / "words.bin").write_bytes(b"".join(struct.pack("<I", value) for value in chosen))
    print(len(chosen), "words, such as", ", ".join(words[:12]), "and", ", ".join(words[WORDS - 6 : WORDS]))


class Maker:
    """Secrets for training: not the generator of the accuracy corpus, so that its ways are not learnt by heart."""

    def __init__(self, words, seed):
        self.r = random.Random(seed)
        self.words = [word for word in words if len(word) <= 10]

    def text(self, letters, low, high=None):
        return "".join(self.r.choices(letters, k=self.r.randint(low, high or low)))

    def human(self):
        r = self.r
        a, b, c = (r.choice(self.words) for _ in range(3))
        number = r.choice([str(r.randint(0, 9)), str(r.randint(10, 99)), str(r.randint(100, 999)), str(r.randint(1950, 2027)), str(r.randint(1000, 99999))])
        sign = r.choice(["", "!", "!", "!!", "@", "#", "$", "?", ".", "*", "%", "-", "_", "+"])
        leet = a.translate(str.maketrans({"a": r.choice("4@a"), "e": r.choice("3e"), "o": r.choice("0o"), "i": r.choice("1!i"), "s": r.choice("5$s")}))
        text = r.choice([
            a.capitalize() + number + sign, a.capitalize() + sign + number, a + number + sign, a + b + number, a.capitalize() + b.capitalize() + number + sign, leet.capitalize() + number + sign,
            f"{a}-{b}-{c}-{number}", f"{a}.{b}{number}", f"{a}_{b}_{number}{sign}", number + a.capitalize() + sign, a.upper() + sign + number, f"{a.capitalize()}{sign}{b}{sign}{number}", f"{a}{sign}{number}{b}",
            a[:3].capitalize() + b[:3] + number + sign, leet + sign + b[:4], a.capitalize() + sign + b.capitalize() + number,
        ])  # fmt: skip
        return text if 6 <= len(text) <= 28 else self.human()

    def machine(self):
        letters, digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
        signs = self.r.choice(["", "", "!@#$%^&*", "-_", "!#%+:=?@", "~!*()-_.", "!\"#$%&'()*+,-./:;<=>?@[]^_{|}~"])
        pool = self.r.choice([letters + digits, letters[:26] + digits, letters + digits, letters[26:] + digits]) + signs
        return self.text(pool, 8, 32)

    def key(self):
        import base64

        r = self.r
        alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        raw = bytes(r.randrange(256) for _ in range(r.choice([12, 16, 20, 24, 32, 32, 48, 64])))
        return r.choice([
            lambda: self.text(alnum, r.choice([16, 20, 22, 24, 27, 30, 32, 36, 40, 43, 48, 64])), lambda: self.text(alnum[:26] + alnum[52:], r.choice([16, 20, 24, 25, 26, 32, 36, 40])),
            lambda: self.text(alnum[26:], r.choice([16, 20, 24, 32])), lambda: self.text("0123456789abcdef", r.choice([24, 30, 32, 32, 40, 40, 48, 64, 64, 96, 128])),
            lambda: base64.b64encode(raw).decode(), lambda: base64.urlsafe_b64encode(raw).decode().rstrip("="), lambda: self.text(alnum + "-_", r.choice([20, 32, 40, 43, 64, 86])),
            lambda: f"{r.choice(self.words)[:4]}{r.choice('_-')}{self.text(alnum, r.choice([16, 24, 32, 40]))}", lambda: "-".join(self.text(alnum[:26] + alnum[52:], r.choice([4, 5, 6, 8])) for _ in range(r.choice([3, 4, 5]))),
            lambda: f"{self.text(alnum, 8, 24)}.{self.text(alnum + '-_', 16, 40)}", lambda: self.text(alnum, 12, 15), lambda: f"{r.choice(['prod', 'live', 'sk', 'key', 'tok', 'pat'])}{r.choice('_-')}{self.text(alnum, 20, 40)}",
        ])()  # fmt: skip


PASSWORDS = """password passwd pwd passphrase dbPassword db_password DB_PASSWORD admin_password user_password smtp_password mail_password redis_password root_password mysql_pwd ftp_password
ssh_password ldap_password keystore_password login_password account_password app_password sa_password default_password spring.datasource.password proxy_password host_password
master_password service_password wifi_password vpn_password bind_password jdbc_password POSTGRES_PASSWORD password1 PASSWORD_PROD my_pwd remote_password ansible_password""".split()
KEYS = """secret token api_key apikey client_secret access_token auth_token secret_key app_secret jwt_secret signing_key encryption_key private_key master_key webhook_secret session_secret refresh_token
bearer_token access_key service_token cookie_secret bot_token deploy_token hmac_secret license_key consumer_secret shared_secret admin_token x_api_key auth_key secret_token account_key app_key api_secret
api_token user_token push_token bot_secret oauth_token oauth_secret storage_key credential credentials authorization service_key GITHUB_TOKEN token_prod stripe_secret""".split()


def positives(words, folder, count):
    """Files with secrets; returns (path, line) -> secret."""
    from accuracy_corpus import carriers, filler
    from accuracy_corpus.randomness import Source

    maker, planted = Maker(words, 11), {}
    kinds = list(carriers.ALL)
    for number in range(count):
        r = Source("train", number)
        kind = kinds[number % len(kinds)]
        for _ in range(40):
            password = maker.r.random() < 0.5
            secret = (maker.human() if maker.r.random() < 0.5 else maker.machine()) if password else maker.key()
            if carriers.fits(kind, secret):
                break
        else:
            continue
        name = maker.r.choice(PASSWORDS if password else KEYS)
        parts = [part.lower() for part in re.findall(r"[A-Za-z][a-z0-9]*|[A-Z0-9]+", name.replace("_", " ").replace(".", " "))] if not name.isupper() else name.lower().split("_")
        if maker.r.random() < 0.25:
            parts = [maker.r.choice(maker.words), *parts]
        text, _ = carriers.carry(kind, parts, secret, r)
        end = carriers.ALL[kind][0]
        path = Path(folder) / f"{number % 50}" / (f"f{number}{end}" if end.startswith(".") and "/" not in end else f"d{number}/{Path(end).name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*filler.lines(end, r.number(1, 12), r), text, *filler.lines(end, r.number(1, 12), r)]) + "\n")
        planted[str(path)] = secret
    return planted


def weighed(program, folder):
    output = subprocess.run([program, folder], capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        path, first, last, value, password, *features = line.split("\t")
        yield path, int(first), bytes.fromhex(value).decode(errors="replace"), int(password), list(map(int, features))


def train(folder, program):
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    names = subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip().split("\t")
    words = vocabulary(folder)
    rows = []  # (label, password, features, where)
    with tempfile.TemporaryDirectory() as scratch:
        planted = positives(words[:6000], scratch, 24_000)
        for path, first, value, password, features in weighed(program, scratch):
            secret = planted[path]
            pieces = value.replace("\n", "") if len(value) > len(secret) + 3 else value
            if value == secret or pieces.startswith(secret[:4]) and value.endswith(secret[-4:]):
                rows.append((1, password, features, path, value))
            elif secret not in value and value not in secret:
                rows.append((0, password, features, path, value))
    real = len(rows)
    seen = set()
    for path, first, value, password, features in weighed(program, folder):
        place = (path.split("/")[-1], value)
        if QUIET.search(path[len(str(folder)) :]) or place in seen:
            continue
        seen.add(place)
        rows.append((0, password, features, path, value))
    print(f"{real} values in made-up files, {len(rows) - real} in packages", file=sys.stderr)
    sizes = [20] * len(names)
    offsets = np.cumsum([0, *sizes])
    tables, intercepts = [], []
    for column, password in enumerate((1, 0)):
        mine = [row for row in rows if row[1] == password]
        x = np.zeros((len(mine), offsets[-1]), dtype=np.float32)
        for number, row in enumerate(mine):
            for feature, bucket in enumerate(row[2]):
                x[number, offsets[feature] + min(bucket, 19)] = HELD_BACK.get(names[feature], 1)
        y = np.array([row[0] for row in mine])
        weight = np.where(y == 1, 1.0, max(1.0, (y == 1).sum() / max(1, (y == 0).sum())))
        # Every fifth package and file is kept out to draw the curve.
        out = np.array([hash_of(row[3]) % 5 == 0 for row in mine])
        model = LogisticRegression(C=0.1, max_iter=400)
        model.fit(x[~out], y[~out], sample_weight=weight[~out])
        curve(x[out], y[out], model, "passwords" if password else "keys and tokens")
        model.fit(x, y, sample_weight=weight)
        logits = x @ model.coef_[0] + model.intercept_[0]
        real_code = np.array([not str(row[3]).startswith(tempfile.gettempdir() + "/tmp") and row[0] == 0 for row in mine])
        limit = np.quantile(logits[real_code], 1 - ALARMS[column]) if real_code.any() else 0
        shift = -max(0.0, limit)
        print(f"  {real_code.sum()} real values; intercept {model.intercept_[0]:.2f}, shifted by {shift:.2f}; recall at 50: {(logits[y == 1] + shift >= 0).mean():.3f}")
        for order in [at for at in np.argsort(-logits) if real_code[at]][:25]:
            print(f"    {50 + POINTS_PER_UNIT * (logits[order] + shift):5.0f} {mine[order][4][:40]!r} {mine[order][3][-70:]}")
        scale = np.repeat([HELD_BACK.get(name, 1) for name in names], sizes)
        tables.append(np.round(model.coef_[0] * scale * POINTS_PER_UNIT * 10).astype(int))
        intercepts.append(round((model.intercept_[0] + shift) * POINTS_PER_UNIT * 10))
    write_weights(names, tables, intercepts, offsets, rows)


def hash_of(path):
    import zlib

    return zlib.crc32("/".join(str(path).split("/")[-3:-1]).encode())


def curve(x, y, model, what):
    import numpy as np

    scores = x @ model.coef_[0] + model.intercept_[0]
    order = np.argsort(-scores)
    hits = np.cumsum(y[order])
    precision = hits / np.arange(1, len(y) + 1)
    recall = hits / max(1, y.sum())
    print(f"{what}: {len(y)} values kept out, {y.sum()} of them secrets")
    for wanted in (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99):
        at = int(np.searchsorted(recall, wanted))
        if at < len(precision):
            print(f"  recall {wanted:.2f}: precision {precision[at]:.4f}")


def write_weights(names, tables, intercepts, offsets, rows):
    lines = [
        "//! Weights of the model, in tenths of a point of confidence: a row per feature, a pair per bucket (for passwords, for keys",
        "//! and tokens). Written by `scripts/train_value_model.py`.", "", "/// What is added to every value.",
        f"pub(super) const INTERCEPT: [i16; 2] = [{intercepts[0]}, {intercepts[1]}];", "", "/// See the module.", "#[rustfmt::skip]",
        "pub(super) const WEIGHTS: [&[[i16; 2]]; super::COUNT] = [",
    ]  # fmt: skip
    for feature, name in enumerate(names):
        most = max(min(row[2][feature], 19) for row in rows) + 1
        pairs = ", ".join(f"[{tables[0][offsets[feature] + b]}, {tables[1][offsets[feature] + b]}]" for b in range(most))
        lines.append(f"    &[{pairs}], // {name}")
    lines += ["];", ""]
    (MODEL / "weights.rs").write_text("\n".join(lines))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "words":
        write_words(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "weights":
        train(Path(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(__doc__)
