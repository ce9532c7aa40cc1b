"""Check that a tag, the version, the changelog and the citation name one release.

python .ci/check_release.py v0.1.0
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def find_faults(tag, root=ROOT):
    """Return what must be put right before `tag` can be released."""
    version, changelog, citation = (
        (root / name).read_text(encoding="utf-8")
        for name in (
            "sklearn_digits/_persistence/version.py",
            "CHANGELOG.md",
            "CITATION.cff",
        )
    )
    version = re.search(r'__version__ = "(.+)"', version)[1]
    faults = []
    if tag != f"v{version}":
        faults.append(f"The tag is {tag!r}, but the version is {version}.")
    if not re.search(rf"^## {re.escape(version)}\b", changelog, re.MULTILINE):
        faults.append(f"CHANGELOG.md has no heading '## {version}'.")
    if not re.search(rf"^version: {re.escape(version)}$", citation, re.MULTILINE):
        faults.append(f"CITATION.cff does not say 'version: {version}'.")
    if not re.search(r"^date-released: ", citation, re.MULTILINE):
        faults.append("CITATION.cff does not say 'date-released: YEAR-MONTH-DAY'.")
    return faults


if __name__ == "__main__":
    faults = find_faults(*sys.argv[1:])
    print(*faults, sep="\n", end="\n" * bool(faults))
    sys.exit(bool(faults))
