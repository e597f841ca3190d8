"""What `trimtab parity` says of two releases of ruff over the files of published packages, and what that costs.

Three pairs: ruff 0.14.0 and 0.14.1; 0.14.0 and itself, where nothing is run; 0.14.0 and a copy of it with a byte behind
its end, which does the same but is not known to: any difference or flaky input there would be a mistake of ours. Every
file is linted by all rules and formatted in place. Packages and programs are fetched through pip the first time.

    python benchmarks/parity.py [--jobs 2] [--json | --markdown]

Each pair takes a minute or two on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from trimtab.artifact.pypi import published_wheel
from trimtab.system.paths import default_folders
from trimtab.system.process import SystemRunner

BASE, HEAD = "pypi:ruff==0.14.0", "pypi:ruff==0.14.1"
PACKAGES = (
    *("pypi:requests==2.32.3", "pypi:flask==3.0.3", "pypi:click==8.1.7", "pypi:jinja2==3.1.4", "pypi:rich==13.7.1"),
    *("pypi:werkzeug==3.0.3", "pypi:httpx==0.27.0", "pypi:pytest==8.3.2", "pypi:attrs==24.2.0", "pypi:networkx==3.3"),
)
SETTINGS = """\
[[parity]]
name = "check"
command = "{{bin}} check --isolated --no-cache --preview --select ALL --output-format concise {{input}}"
inputs = "**/*.py"
fetch = {packages}

[[parity]]
name = "format"
command = "{{bin}} format --isolated --no-cache --preview {{input}}"
inputs = "**/*.py"
fetch = {packages}
"""


def with_a_byte_more(word: str, folder: Path) -> Path:
    """The program of a wheel with other bytes, which are never read."""
    wheel = published_wheel(SystemRunner(), word, default_folders().cache, dict(os.environ))
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("/scripts/ruff"))
        data = archive.read(name)
    place = folder / "copy" / "ruff"
    place.parent.mkdir()
    place.write_bytes(data + b"\n")
    place.chmod(0o755)
    return place


def parity(folder: Path, jobs: int, base: str, head: str) -> dict[str, Any]:
    """One pair: its document, the seconds it took, and how long a comment it makes."""
    words = [sys.executable, "-m", "trimtab", "parity", base, head, "--quiet", "--jobs", str(jobs)]
    started = time.monotonic()
    found = subprocess.run([*words, "--json"], cwd=folder, check=False, capture_output=True, text=True)
    seconds = time.monotonic() - started
    assert found.returncode in (0, 1), found.stderr
    document = json.loads(found.stdout)
    return {
        "exit_code": found.returncode,
        "headline": document["headline"],
        "identical": document["identical"],
        "counts": document["counts"],
        "checks": [
            {name: check[name] for name in ("name", "counts", "lines", "endings", "exits", "rules", "projects")}
            for check in document["checks"]
        ],
        "seconds": seconds,
        "json_characters": len(found.stdout),
    }


def comment(folder: Path, jobs: int) -> str:
    """The differing pair as it is posted to a pull request."""
    words = [sys.executable, "-m", "trimtab", "parity", BASE, HEAD, "--quiet", "--jobs", str(jobs), "--markdown"]
    return subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True).stdout


def table(name: str, pair: dict[str, Any]) -> None:
    """A pair in Markdown."""
    print(f"\n### {name}\n\n{pair['headline']}; {pair['seconds']:.0f} s")
    for check in pair["checks"]:
        print(f"\n`{check['name']}`: {check['counts']}, +{check['lines']['added']} -{check['lines']['removed']} lines")
        if check["rules"]:
            print("\n| rule | added | removed |\n|---|---:|---:|")
        for rule in check["rules"]:
            print(f"| {rule['name']} | +{rule['added']} | -{rule['removed']} |")


def main() -> None:
    """Run all pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--markdown", action="store_true", help="the comment of the differing pair")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "trimtab.toml").write_text(SETTINGS.format(packages=json.dumps(PACKAGES)))
        if options.markdown:
            print(comment(folder, options.jobs), end="")
            return
        pairs = {
            "0.14.0 and 0.14.1": (BASE, HEAD),
            "0.14.0 and itself": (BASE, BASE),
            "0.14.0 and a copy with a byte more": (BASE, str(with_a_byte_more(BASE, folder))),
        }
        results = {name: parity(folder, options.jobs, *sides) for name, sides in pairs.items()}
    if options.json:
        print(json.dumps({"packages": PACKAGES, "jobs": options.jobs, "pairs": results}, indent=2))
        return
    for name, pair in results.items():
        table(name, pair)


if __name__ == "__main__":
    main()
