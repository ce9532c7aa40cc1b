"""Find phrases that a reader must read twice, and print where they stand.

python .ci/check_words.py [FILE ...]

Without names, all pages, examples and modules of the repository are read.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOTS = ("README.md", "CONTRIBUTING.md", "docs", "examples", "sklearn_digits")
TEXTS = {".css", ".html", ".js", ".md", ".py", ".pyi", ".rst", ".txt"}

PHRASES = (
    r"\b(is|are) no [a-z]+",
    r"\bwhoever\b",
    r"\bof one's own\b",
    r"\bof your own\b",
    r"\bin the same bits\b",
    r"\bbesides\b",
    r"\bby which\b",
    r"'s time in ours",
    r"\bwhere it is\b",
    r"\blikewise\b",
    r"\bcommittee\b",
)
EXCEPTIONS = (
    r"\b(is|are) no longer\b",
    r"\bwhere it is available\b",
    # The paper that calls an ensemble a committee: Ciresan, Meier, Schmidhuber (2012).
    r"\bcommittee[^.]{,200}2012",
    r"2012[^.]{,200}\bcommittee\b",
)


# Between two words: a space, or the end of a line, in a comment too.
GAP = r"\s+(?:#\s+)?"


def pattern(phrases):
    """Return a pattern that finds any of the phrases."""
    return re.compile("|".join(phrases).replace(" ", GAP), re.IGNORECASE)


def find_phrases(text):
    """Return pairs of line number and phrase."""
    allowed = [match.span() for match in pattern(EXCEPTIONS).finditer(text)]
    return [
        (text.count("\n", 0, match.start()) + 1, re.sub(GAP, " ", match[0]))
        for match in pattern(PHRASES).finditer(text)
        if not any(a <= match.start() and match.end() <= b for a, b in allowed)
    ]


def tracked_texts():
    """Return the text files that git tracks, or would if they were added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *ROOTS]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [name for name in names.splitlines() if Path(name).suffix in TEXTS]


def main(names):
    found = [
        f"{name}:{line}: {phrase!r}"
        for name in names or tracked_texts()
        if Path(name).is_file()
        for line, phrase in find_phrases(Path(name).read_text(encoding="utf-8"))
    ]
    print(*found, sep="\n", end="\n" * bool(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
