"""Tables of figures, for the terminal and for docs/accuracy.md."""

import collections

from . import peers, score


def one(name, found, alarms, manifest):
    lines = [f"\n{name}", f"{'class':18} {'planted':>8} {'recall':>7} {'held out':>9} {'precision':>10} {'F1':>6} {'alarms':>7}"]
    held = score.table(found, alarms, manifest, True)
    for row, other in zip(score.table(found, alarms, manifest), held):
        group, planted, _, wrong, recall, precision, f1 = row
        lines.append(f"{group:18} {planted:8} {recall:7.3f} {other[4]:9.3f} {precision:10.3f} {f1:6.3f} {wrong:7}")
    return "\n".join(lines)


def look(arguments, found, alarms, verdicts, manifest, files):
    """What is missed and what is wrong, for those who work on it; nothing that is held out."""
    if arguments.missed:
        missed = [plant for number, plant in enumerate(manifest)
                  if number not in found and not plant["held"] and arguments.missed in ("all", plant["class"])]  # fmt: skip
        for key in ("carrier", "kind"):
            counts = collections.Counter(plant[key] for plant in missed).most_common(40)
            print(f"missed by {key}:", ", ".join(f"{name} {count}" for name, count in counts))
        for plant in missed:
            text = (files / plant["path"]).read_text().split("\n")[plant["first"] - 1 : plant["last"]]
            print(f"{plant['class']}|{plant['kind']}|{plant['carrier']}|{plant['path']}:{plant['first']}|", "⏎".join(text)[:200])
    if arguments.alarms:
        for real, path, line, confidence, rule in sorted(set(verdicts)):
            if not real:
                text = (files / path).read_text().split("\n")[line - 1]
                print(f"ALARM {confidence} {rule} {path}:{line}| {text[:160]}")


def curve(findings, manifest, hard):
    """Precision, recall and false alarms at each least confidence; and how many of the findings of a band are real."""
    lines = ["least confidence: recall, precision, F1, alarms"]
    for least in range(0, 100, 5):
        kept = [finding for finding in findings if finding[3] >= least]
        found, alarms, _ = score.judge(kept, manifest, hard)
        group, planted, hit, wrong, recall, precision, f1 = score.table(found, alarms, manifest)[-1]
        lines.append(f"{least:3} {recall:.3f} {precision:.3f} {f1:.3f} {wrong}")
    lines.append("confidence band: findings, real")
    for low, high, count, real in bands(findings, manifest, hard):
        lines.append(f"{low:3}-{high:3} {count:6} {real / count if count else 0:.3f}")
    return "\n".join(lines)


def bands(findings, manifest, hard):
    _, _, verdicts = score.judge(findings, manifest, hard)
    for low in range(0, 100, 10):
        high = low + 9 if low < 90 else 100
        mine = [real for real, _, _, confidence, _ in verdicts if low <= confidence <= high]
        yield low, high, len(mine), sum(mine)


def beside(results, manifest):
    """F1 per class, all tools side by side, as Markdown."""
    names = list(results)
    lines = ["| class | planted | " + " | ".join(names) + " |", "|---|---:|" + "---:|" * len(names)]
    tables = {name: score.table(found, alarms, manifest) for name, (found, alarms, _) in results.items()}
    for index, row in enumerate(tables[names[0]]):
        cells = []
        for name in names:
            _, _, _, wrong, recall, precision, f1 = tables[name][index]
            cells.append(f"{recall:.2f} / {precision:.2f} / **{f1:.2f}**")
        lines.append(f"| {row[0]} | {row[1]:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(document, results, manifest, lines, programs, files, hard):
    """Renews what stands between the marks of docs/accuracy.md."""
    text = document.read_text()
    held = {name: score.table(found, alarms, manifest, True) for name, (found, alarms, _) in results.items()}
    names = list(results)
    parts = {"comparison": beside(results, manifest)}
    table = ["| class | held out | " + " | ".join(names) + " |", "|---|---:|" + "---:|" * len(names)]
    for index, row in enumerate(held[names[0]]):
        table.append(f"| {row[0]} | {row[1]:,} | " + " | ".join(f"{held[name][index][4]:.2f}" for name in names) + " |")
    parts["held out"] = "\n".join(table)
    if "keysweep" in programs:
        findings, _ = peers.run("keysweep", programs["keysweep"], files, files.parent, minimum=0)
        rows = ["| confidence | findings | real |", "|---|---:|---:|"]
        rows += [f"| {low} to {high} | {count:,} | {real / count:.1%} |" for low, high, count, real in bands(findings, manifest, hard) if count]
        parts["reliability"] = "\n".join(rows)
        rows = ["| least confidence | recall | precision | F1 | false alarms |", "|---:|---:|---:|---:|---:|"]
        for least in range(20, 95, 5):
            found, alarms, _ = score.judge([finding for finding in findings if finding[3] >= least], manifest, hard)
            _, _, _, wrong, recall, precision, f1 = score.table(found, alarms, manifest)[-1]
            rows.append(f"| {least} | {recall:.3f} | {precision:.3f} | {f1:.3f} | {wrong:,} |")
        parts["curve"] = "\n".join(rows)
    parts["size"] = f"{len(manifest):,} planted secrets and {lines:,} lines of hard negatives."
    for name, body in parts.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        head, found, rest = text.partition(start)
        _, ended, tail = rest.partition(end)
        if not found or not ended:
            raise SystemExit(f"{document} has no place for `{name}`")
        text = head + start + body + "\n" + end + tail
    document.write_text(text)
