"""False alarms on real code: every finding in the packages of packages.tsv, joined with what was said of it.

    python3 benches/accuracy_corpus/real_code.py FOLDER PROGRAM [--write]

FOLDER is what `packages.py FOLDER measure` filled. real-code.tsv holds a line for each finding that was looked at: package,
file, line, rule, confidence, verdict, and why: `real` is a credential of the kind that the finding names, if only one of the
project's own tests; `sample` is one that documentation or a test shows as such; `false` is something else. No secret stands in it. Findings it does not know are printed
(masked, as keysweep prints them) to be looked at; --write adds them with `?` and renews docs/accuracy.md. Packages that are not in
FOLDER keep their lines; the figures are of those that are there.
"""

import collections
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
TABLE = HERE / "real-code.tsv"
HEAD = "registry\tpackage\tfile\tline\trule\tconfidence\tverdict\twhy"


def known():
    rows = [line.split("\t") for line in TABLE.read_text().splitlines()[1:]] if TABLE.exists() else []
    return {tuple(row[:5]): row for row in rows}


def scan(folder, program):
    """Each package by itself: what is a secret in one masks the same letters in names, but not in another's."""
    import json

    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        for package in sorted(path for path in folder.glob("*/*") if path.is_dir()):
            arguments = ["scan", ".", "--no-ignore", "--no-progress", "--format", "json", "--output", report]
            subprocess.run([program, *arguments], cwd=package, stderr=subprocess.DEVNULL)
            for finding in json.loads(report.read_text())["findings"]:
                path, line = finding["origin"]["path"], str(finding["position"]["start_line"])
                yield package.parent.name, package.name, path, line, finding["rule"], str(finding["confidence"]), finding["excerpt"]


def lines_of(folder):
    """Text lines per registry."""
    counts = collections.Counter()
    for registry in sorted(folder.iterdir()):
        if registry.is_dir():
            for path in registry.rglob("*"):
                if path.is_file():
                    counts[registry.name] += path.read_bytes().count(b"\n")
    return counts


def main():
    folder, program = Path(sys.argv[1]).resolve() / "measure", Path(sys.argv[2]).resolve()
    said, rows, new = known(), [], []
    for *where, confidence, excerpt in scan(folder, program):
        row = said.get(tuple(where))
        if row is None:
            new.append((where, confidence, excerpt))
        rows.append([*where, confidence, *(row[6:8] if row else ["?", ""])])
    for where, confidence, excerpt in new:
        print(confidence, *where, "|", excerpt.strip()[:200])
    counts = lines_of(folder)
    table = ["| registry | lines | findings | real | samples | false | false per 100,000 lines | samples and false |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for registry in [*sorted(counts), "all"]:
        mine = [row for row in rows if registry in ("all", row[0])]
        lines = sum(counts.values()) if registry == "all" else counts[registry]
        real, sample = (sum(row[6] == verdict for row in mine) for verdict in ("real", "sample"))
        wrong = len(mine) - real - sample
        rates = f"{wrong / lines * 100_000:.2f} | {(wrong + sample) / lines * 100_000:.2f}"
        table.append(f"| {registry} | {lines:,} | {len(mine)} | {real} | {sample} | {wrong} | {rates} |")
    print("\n".join(table))
    print(collections.Counter(row[4] for row in rows).most_common(20))
    if "--write" in sys.argv:
        present = {(registry.name, package.name) for registry in folder.iterdir() for package in registry.iterdir()}
        kept = [row for row in said.values() if (row[0], row[1]) not in present]
        TABLE.write_text("\n".join([HEAD, *("\t".join(row) for row in sorted([*rows, *kept]))]) + "\n")
        document = HERE.parent.parent / "docs" / "accuracy.md"
        text = document.read_text()
        start, end = "<!-- real code -->\n", "<!-- end of real code -->"
        head, _, rest = text.partition(start)
        _, _, tail = rest.partition(end)
        document.write_text(head + start + "\n".join(table) + "\n" + end + tail)


if __name__ == "__main__":
    main()
