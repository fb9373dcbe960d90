"""Real code: source archives of the packages of packages.tsv, brought here by pip, npm and cargo.

packages.tsv has a line for each package: registry, name, version, use (`measure`: the 200 most downloaded of each
registry, where false alarms are counted; `train`: others, which the value model learns from). Nothing of a package is
installed, and pip finds no tool to build one with.

    python3 benches/accuracy_corpus/packages.py FOLDER [measure|train]

leaves FOLDER/USE/REGISTRY/NAME-VERSION/... with the text files of each package.
"""

import concurrent.futures
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIST = HERE / "packages.tsv"
LARGEST = 3 << 20


def packages(use):
    rows = [line.split("\t") for line in LIST.read_text().splitlines()[1:] if line]
    return [(registry, name, version) for registry, name, version, of in rows if of == use]


def is_text(content):
    return len(content) <= LARGEST and b"\0" not in content[:8192]


def unpack(archive, folder):
    """The text files of a tar or zip archive, its own top folder left out of the names."""
    count = 0
    if archive[:4] == b"PK\3\4":
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = [(m.filename, lambda m=m: opened.read(m)) for m in opened.infolist()
                       if not m.is_dir() and m.file_size <= LARGEST]  # fmt: skip
            count = write(members, folder)
    else:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            members = ((m.name, lambda m=m: opened.extractfile(m).read()) for m in opened if m.isfile() and m.size <= LARGEST)
            count = write(members, folder)
    return count


def write(members, folder):
    count = 0
    for name, read in members:
        parts = [part for part in name.split("/") if part not in ("", ".", "..")]
        if len(parts) > 1:
            parts = parts[1:]
        path = folder.joinpath(*parts)
        content = read()
        if not is_text(content):
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            count += 1
        except OSError:
            continue  # a file where a folder is wanted, or a name that is too long
    return count


def from_pypi(name, version, folder):
    """pip unpacks a source archive before it asks how to build it; in an environment without any tool to build with it
    stops there, and `--no-clean` leaves what it unpacked. Where there is no source archive, the wheel."""
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "tmp").mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", work / "bare"], check=True)
        pip = [sys.executable, "-m", "pip", "--python", work / "bare" / "bin" / "python", "download", "--quiet", "--no-deps",
               "--no-clean", "--no-cache-dir", "--dest", work / "dest", "--disable-pip-version-check"]  # fmt: skip
        wanted = f"{name}=={version}" if version else name
        environment = {**os.environ, "TMPDIR": str(work / "tmp")}
        source = ["--no-binary", ":all:", "--no-build-isolation", wanted]
        subprocess.run([*pip, *source], capture_output=True, timeout=240, env=environment)
        archives = sorted((work / "dest").glob("*")) if (work / "dest").exists() else []
        if archives:
            return unpack(archives[0].read_bytes(), folder)
        for unpacked in (work / "tmp").glob("pip-download-*/*/"):
            members = ((f"top/{p.relative_to(unpacked).as_posix()}", p.read_bytes) for p in unpacked.rglob("*")
                       if p.is_file() and p.stat().st_size <= LARGEST)  # fmt: skip
            if count := write(members, folder):
                return count
        subprocess.run([*pip, "--only-binary", ":all:", wanted], capture_output=True, timeout=240, env=environment)
        for archive in (work / "dest").glob("*.whl"):
            return unpack(archive.read_bytes(), folder)
    return 0


def from_npm(name, version, folder):
    with tempfile.TemporaryDirectory() as dest:
        wanted = f"{name}@{version}" if version else name
        subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", dest, wanted],
                       capture_output=True, timeout=180, cwd=dest)  # fmt: skip
        for path in Path(dest).glob("*.tgz"):
            return unpack(path.read_bytes(), folder)
    return 0


def from_crates(names, top):
    """All crates at once: cargo vendors a package that asks for them."""
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "src").mkdir()
        (work / "src" / "lib.rs").write_text("")
        lines = ["[package]", 'name = "all"', 'version = "0.0.0"', 'edition = "2021"', "[dependencies]"]
        for number, (name, version) in enumerate(names):
            wanted = f"={version}" if version else "*"
            lines.append(f'd{number} = {{ package = "{name}", version = "{wanted}", default-features = false }}')
        (work / "Cargo.toml").write_text("\n".join(lines) + "\n")
        done = subprocess.run(["cargo", "vendor", "--quiet", "--versioned-dirs", str(work / "vendor")], cwd=work,
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode != 0:
            sys.exit(done.stderr)
        for name, version in names:
            found = [p for p in (work / "vendor").glob(f"{name}-[0-9]*") if not version or p.name == f"{name}-{version}"]
            for path in sorted(found)[-1:]:
                members = [(f"top/{p.relative_to(path).as_posix()}", p.read_bytes) for p in path.rglob("*") if p.is_file()]
                write(members, top / path.name)


def fetch(use, top):
    jobs = []
    wanted = packages(use)
    crates = [(name, version) for registry, name, version in wanted if registry == "crates"]
    with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
        for registry, name, version in wanted:
            folder = top / registry / f"{name.replace('/', '+')}-{version or 'newest'}"
            if registry == "crates" or folder.exists():
                continue
            take = from_pypi if registry == "pypi" else from_npm
            jobs.append((folder, pool.submit(take, name, version, folder)))
        if crates and not (top / "crates").exists():
            from_crates(crates, top / "crates")
        for folder, job in jobs:
            try:
                count = job.result()
            except Exception as error:  # one package that cannot be had does not end the run
                count = 0
                print(folder.name, error, file=sys.stderr)
            if not count:
                print("nothing for", folder.name, file=sys.stderr)


if __name__ == "__main__":
    for use in sys.argv[2:] or ["measure", "train"]:
        fetch(use, Path(sys.argv[1]).resolve() / use)
