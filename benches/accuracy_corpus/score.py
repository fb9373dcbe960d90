"""Recall, precision and F1 of findings against the manifest.

A planted secret is found when a finding's lines meet its lines; one of two halves (an id and its secret) when they meet
the lines of either, since it is one credential. A finding that meets no planted line is a false alarm, of
the class that its file of hard negatives imitates; alarms in ordinary lines of planted files count for that file's class.
Several findings on one line count once, for every tool.
"""

import collections

CLASSES = ["structured", "composite", "contextual", "generic secret", "generic password", "connection string", "private key", "credential file", "encoded"]


def judge(findings, manifest, negatives):
    """Per class: planted, found, false alarms; and the findings with their verdict."""
    by_path = collections.defaultdict(list)
    for number, plant in enumerate(manifest):
        by_path[plant["path"]].append((number, plant))
    class_of = dict(negatives)
    found, verdicts, alarms = set(), [], collections.defaultdict(set)
    for path, first, last, confidence, rule in findings:
        # The lead of a file's entry (an access key's id) is no half of its own.
        start = lambda plant: plant["zone"] if plant["class"] in ("composite", "structured") else plant["first"]  # noqa: E731
        hit = [number for number, plant in by_path.get(path, []) if first <= plant["last"] and last >= start(plant)]
        zone = any(first <= plant["last"] and last >= plant.get("zone", plant["first"]) for _, plant in by_path.get(path, []))
        # The other half of a composite (an id, a domain) is neither planted nor a false alarm.
        if hit or zone:
            found.update(hit)
            verdicts.append((True, path, first, confidence, rule))
            continue
        group = class_of.get(path) or (by_path[path][0][1]["class"] if by_path.get(path) else None)
        if group:
            alarms[group].add((path, first))
            verdicts.append((False, path, first, confidence, rule))
    return found, alarms, verdicts


def table(found, alarms, manifest, held=None):
    """Rows of figures per class: planted, recall, precision, F1; then all together."""
    rows = []
    planted = [(number, plant) for number, plant in enumerate(manifest) if held is None or plant["held"] == held]
    for group in [*CLASSES, "all"]:
        mine = [number for number, plant in planted if group in ("all", plant["class"])]
        hit = sum(number in found for number in mine)
        wrong = sum(len(lines) for name, lines in alarms.items() if group in ("all", name))
        recall = hit / len(mine) if mine else 0.0
        precision = hit / (hit + wrong) if hit + wrong else 0.0
        f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
        rows.append((group, len(mine), hit, wrong, recall, precision, f1))
    return rows
