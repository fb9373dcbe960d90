"""Checksums and inner structures of the facts (token-facts.md, "Checksums that can be verified offline")."""

import base64
import hashlib
import json
import zlib

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def number(value, digits, width):
    out = ""
    while value:
        value, rest = divmod(value, len(digits))
        out = digits[rest] + out
    return out.rjust(width, digits[0])


def crc(text):
    return zlib.crc32(text.encode())


def crc62(text):
    """Six digits of base 62, as GitHub and npm have them (digits, capitals, small letters)."""
    return number(crc(text), BASE62, 6)


def little_hex(text):
    return crc(text).to_bytes(4, "little").hex()


def url64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def jwt(r, payload=None, header=None):
    payload = payload or {"iss": f"https://id.{r.word()}.io", "sub": r.text("hex-lower", 24), "iat": 1_760_000_000,
                          "exp": 1_990_000_000, "scope": "read write"}  # fmt: skip
    header = header or {"alg": "HS256", "typ": "JWT"}
    return f"{url64(compact(header))}.{url64(compact(payload))}.{url64(r.bytes(32))}"


def bech32(prefix, data):
    charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

    def polymod(values):
        check = 1
        for value in values:
            top = check >> 25
            check = (check & 0x1FFFFFF) << 5 ^ value
            for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                check ^= generator if (top >> bit) & 1 else 0
        return check

    bits, held, values = 0, 0, []
    for byte in data:
        held, bits = (held << 8 | byte) & 0xFFFF, bits + 8
        while bits >= 5:
            bits -= 5
            values.append(held >> bits & 31)
    if bits:
        values.append(held << (5 - bits) & 31)
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = polymod(expanded + values + [0] * 6) ^ 1
    return prefix + "1" + "".join(charset[v] for v in values + [check >> 5 * (5 - i) & 31 for i in range(6)])


def base58check(data):
    data += hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + number(int.from_bytes(data, "big"), BASE58, 1)


def crc16(data):
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value.to_bytes(2, "little")


def gitlab_routable(prefix, r):
    payload = url64(b"o:1\nu:" + r.text("lower-alnum", 2).encode() + r.bytes(16) + bytes([16]))
    text = f"{prefix}{payload}.01.{number(len(payload), BASE62[:10] + BASE62[36:], 2)}"
    return text + number(crc(text), BASE62[:10] + BASE62[36:], 7)


def pypi(prefix, r):
    """A macaroon behind the fact's own prefix, which names the registry."""
    body = prefix[len("pypi-") :]
    location = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    macaroon = (location + bytes([2, 36]) + r.uuid().encode() + bytes([0])
                + bytes([2, 31]) + compact({"v": 1, "p": r.text("lower", 14)})[:31].ljust(31) + bytes([0, 0, 6, 32])
                + r.bytes(32))  # fmt: skip
    return "pypi-" + url64(macaroon)


def aws_key_id(prefix, r):
    account = r.number(10**11, 10**12 - 1)
    body = (account << 7 | 1 << 47) | r.number(0, 127)
    data = body.to_bytes(6, "big") + r.bytes(4)
    return prefix + base64.b32encode(data).decode()


def der(tag, *parts):
    body = b"".join(parts)
    length = len(body)
    if length < 128:
        head = bytes([length])
    else:
        size = (length.bit_length() + 7) // 8
        head = bytes([0x80 | size]) + length.to_bytes(size, "big")
    return bytes([tag]) + head + body


def integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def prime(r, bits):
    while True:
        candidate = r.number(0, 2**bits - 1) | 1 << bits - 1 | 1 << bits - 2 | 1
        if candidate % 65537 != 1 and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5)):
            return candidate


def rsa_der(r, bits=1024):
    p, q = prime(r, bits // 2), prime(r, bits // 2)
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = [0, p * q, 65537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    return der(0x30, *map(integer, numbers))


def pkcs8(inner):
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return der(0x30, integer(0), algorithm, der(4, inner))


def ec_der(r):
    """SEC 1, P-256: a scalar and, as some tools write it, no public point."""
    return der(0x30, integer(1), der(4, bytes([1]) + r.bytes(31)), der(0xA0, bytes.fromhex("06082a8648ce3d030107")))


def openssh(r, cipher=b"none"):
    def string(data):
        return len(data).to_bytes(4, "big") + data

    public = string(b"ssh-ed25519") + string(r.bytes(32))
    check = r.bytes(4)
    private = check + check + public + string(r.bytes(32) + public[-32:]) + string(b"me@" + r.word().encode())
    private += bytes(range(1, 1 + -len(private) % 8))
    kdf = b"none" if cipher == b"none" else b"bcrypt"
    options = b"" if cipher == b"none" else string(r.bytes(16)) + (16).to_bytes(4, "big")
    if cipher != b"none":
        private = r.bytes(len(private) + -len(private) % 16)
    return (b"openssh-key-v1\0" + string(cipher) + string(kdf) + string(options) + (1).to_bytes(4, "big")
            + string(public) + string(private))  # fmt: skip


def pem(label, data, width=64):
    text = base64.b64encode(data).decode()
    lines = [text[i : i + width] for i in range(0, len(text), width)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


def pgp_crc24(data):
    value = 0xB704CE
    for byte in data:
        value ^= byte << 16
        for _ in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= 0x1864CFB
    return (value & 0xFFFFFF).to_bytes(3, "big")


def pgp(r):
    """An armoured version-4 secret key packet (RSA, not encrypted)."""
    p, q = prime(r, 512), prime(r, 512)
    d = pow(65537, -1, (p - 1) * (q - 1))

    def mpi(value):
        return value.bit_length().to_bytes(2, "big") + value.to_bytes((value.bit_length() + 7) // 8, "big")

    secret = mpi(d) + mpi(min(p, q)) + mpi(max(p, q)) + mpi(pow(min(p, q), -1, max(p, q)))
    body = bytes([4]) + (1_700_000_000).to_bytes(4, "big") + bytes([1]) + mpi(p * q) + mpi(65537) + bytes([0]) + secret
    body += (sum(secret) % 65536).to_bytes(2, "big")
    data = bytes([0xC5, 0xFF]) + len(body).to_bytes(4, "big") + body
    text = base64.b64encode(data).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    check = "=" + base64.b64encode(pgp_crc24(data)).decode()
    block = "PGP PRIVATE KEY BLOCK"
    return "\n".join([f"-----BEGIN {block}-----", "", *lines, check, f"-----END {block}-----"])
