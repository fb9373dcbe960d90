#!/usr/bin/env python3
"""Trains the letter-bigram table of src/engine/letters.rs and prints it.

Counts letter pairs in the words and identifiers of the Python standard library that runs this script (each word
weighted by the square root of its frequency, at most 40), adds two to every pair, and prints costs in sixteenths of
a bit: a row per preceding letter, the first row for the start of a word.
"""

import collections
import math
import os
import re
import sysconfig

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words():
    root = sysconfig.get_paths()["stdlib"]
    found = collections.Counter()
    for folder, _, files in os.walk(root):
        if "site-packages" in folder or "test" in folder.split(os.sep):
            continue
        for name in files:
            if not name.endswith(".py"):
                continue
            with open(os.path.join(folder, name), errors="ignore") as file:
                for identifier in re.findall(r"[A-Za-z]+", file.read()):
                    for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier):
                        if 3 <= len(part) <= 20:
                            found[part.lower()] += 1
    return found


def main():
    pairs = collections.Counter()
    for word, count in words().items():
        weight = math.sqrt(min(count, 40))
        marked = "^" + word + "$"
        for first, second in zip(marked, marked[1:]):
            pairs[first, second] += weight
    for first in "^" + LETTERS:
        total = sum(pairs[first, second] for second in LETTERS + "$") + 27 * 2
        costs = [min(255, round(-math.log2((pairs[first, second] + 2) / total) * 16)) for second in LETTERS]
        print("    [" + ", ".join(map(str, costs)) + "],")


if __name__ == "__main__":
    main()
