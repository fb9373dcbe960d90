"""Seeded randomness: texts of alphabets, words, names, passwords as machines and as people make them."""

import hashlib
import random
import string
import uuid

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALPHABETS = {
    "hex": DIGITS + "abcdef", "hex-lower": DIGITS + "abcdef", "hex-upper": DIGITS + "ABCDEF",
    "alnum": LOWER + UPPER + DIGITS, "lower-alnum": LOWER + DIGITS, "upper-alnum": UPPER + DIGITS,
    "base64url": LOWER + UPPER + DIGITS + "-_", "base64": LOWER + UPPER + DIGITS + "+/", "digits": DIGITS,
    "letters": LOWER + UPPER, "lower": LOWER, "upper": UPPER, "base32": UPPER + "234567", "lower-base32": LOWER + "234567",
    "base58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "printable": LOWER + UPPER + DIGITS + "!#%*+-_.~^",
}  # fmt: skip
WORDS = """harbor willow copper meadow falcon quartz lantern river maple cobalt ember orchid summit canyon marble thistle
beacon juniper pixel rocket garden window silver monkey dragon shadow master hunter thunder coffee winter summer autumn
spring soccer guitar purple orange banana cookie cheese pepper tiger eagle panther wizard castle bridge market planet
galaxy comet saturn jupiter apollo mercury phoenix turbo nitro vector matrix kernel packet socket buffer cluster
billing orders invoice ledger payroll catalog search gateway portal reports metrics backup archive mailer worker
notify customer account inventory shipping checkout identity session analytics staging production internal partner
""".split()
NAMES = "anna ben carla david elena felix greta hugo irene jonas klara liam mona nils olga paul rita simon tina viktor".split()
SEASONS = "Spring Summer Autumn Winter January February March April May June July August October November December".split()


class Source:
    """A random source whose every draw follows from its seed, the same on every machine."""

    def __init__(self, *seed):
        self.random = random.Random(int.from_bytes(hashlib.sha256(repr(seed).encode()).digest()[:16], "big"))

    def number(self, low, high):
        return self.random.randint(low, high)

    def choice(self, options):
        return self.random.choice(options)

    def chance(self, share):
        return self.random.random() < share

    def sample(self, options, count):
        return self.random.sample(options, count)

    def shuffle(self, items):
        self.random.shuffle(items)

    def bytes(self, count):
        return self.random.randbytes(count)

    def text(self, alphabet, count):
        letters = ALPHABETS.get(alphabet, alphabet)
        return "".join(self.random.choices(letters, k=count))

    def uuid(self):
        return str(uuid.UUID(bytes=self.bytes(16), version=4))

    def word(self):
        return self.choice(WORDS)

    def host(self):
        return f"{self.choice(['db', 'api', 'git', 'mq', 'cache', 'app', 'smtp', 'ldap'])}{self.choice(['', '1', '-eu', '02'])}." + (
            f"{self.word()}.{self.choice(['internal', 'io', 'net', 'de', 'co.uk', 'corp'])}")

    def machine_password(self):
        """What a generator makes: most with signs, some letters and digits alone."""
        length = self.number(10, 28)
        signs = self.choice(["", "", "!#%*+-_", "!@#$%^&*", "-_.~", "!@#%&*()[]{}<>?"])
        letters = self.choice([LOWER + UPPER + DIGITS, LOWER + UPPER + DIGITS, LOWER + DIGITS])
        while True:
            text = self.text(letters + signs * (2 if signs else 0), length)
            if any(c in DIGITS for c in text) and any(c in LOWER for c in text) and text[0].isalnum():
                return text

    def human_password(self):
        """What people choose where a rule asks for a capital, a digit and a sign."""
        word, other = self.word(), self.word()
        sign = self.choice("!!!!#$@*?.%&")
        year = str(self.number(1965, 2026))
        leet = str.maketrans({"a": "4", "e": "3", "o": "0", "i": "1", "s": "5"})
        return self.choice([
            lambda: self.choice(SEASONS) + year + sign,
            lambda: word.capitalize() + str(self.number(1, 9999)) + sign,
            lambda: word.capitalize() + sign + str(self.number(10, 9999)),
            lambda: word + other.capitalize() + str(self.number(10, 999)),
            lambda: word.capitalize() + "_" + other + str(self.number(1, 99)),
            lambda: self.choice(NAMES).capitalize() + str(self.number(1950, 2010)) + sign,
            lambda: word.translate(leet).capitalize() + str(self.number(1, 99)) + sign,
            lambda: f"{word}-{other}-{self.word()}-{self.number(1, 99)}",
            lambda: word.capitalize() + other.capitalize() + sign + str(self.number(1, 99)),
            lambda: f"{self.number(10, 99)}{word.capitalize()}{sign}{other}",
        ])()  # fmt: skip

    def machine_secret(self):
        """A key or token without a form of its own, as programs issue them."""
        import base64

        return self.choice([
            lambda: self.text("alnum", self.choice([20, 24, 32, 40, 48, 64])),
            lambda: self.text("base64url", self.choice([22, 32, 43, 64, 86])).strip("-_") + "7k",
            lambda: self.text("hex-lower", self.choice([32, 40, 48, 64])),
            lambda: self.text("lower-alnum", self.choice([20, 25, 32, 36, 40])),
            lambda: base64.b64encode(self.bytes(self.choice([24, 32, 33, 48, 64]))).decode(),
            lambda: self.uuid().replace("-", ""),
            lambda: "-".join(self.text("alnum", 8) for _ in range(4)),
            lambda: f"{self.word()[:3]}_{self.text('alnum', 32)}",
        ])()  # fmt: skip
