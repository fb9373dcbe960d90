"""png.py FILE: width, height, the colour of the first pixel, and how many different rows a PNG of 8 bits has."""
import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, packed = 8, b""
while at < len(data):
    (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
    body = data[at + 8 : at + 8 + length]
    if kind == b"IHDR":
        width, height, depth, colour = struct.unpack(">IIBB", body[:10])
    if kind == b"IDAT":
        packed += body
    at += 12 + length
assert depth == 8 and colour in (2, 6)
size = 3 if colour == 2 else 4
raw = zlib.decompress(packed)
stride = width * size + 1
before, rows, first = bytearray(width * size), set(), None
for line in range(height):
    kind, row = raw[line * stride], bytearray(raw[line * stride + 1 : (line + 1) * stride])
    for x in range(len(row)):
        left = row[x - size] if x >= size else 0
        up, corner = before[x], before[x - size] if x >= size else 0
        if kind == 1:
            row[x] = (row[x] + left) & 255
        elif kind == 2:
            row[x] = (row[x] + up) & 255
        elif kind == 3:
            row[x] = (row[x] + (left + up) // 2) & 255
        elif kind == 4:
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
            row[x] = (row[x] + nearest[2]) & 255
    first = first or tuple(row[:3])
    rows.add(bytes(row))
    before = row
print(width, height, sum(first), len(rows))
