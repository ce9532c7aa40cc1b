"""Assert the accuracy that the demo printed, and that its pictures are there."""

import re
import sys
from pathlib import Path

printed = sys.stdin.read()
accuracy = float(re.search(r"Test accuracy +([\d.]+) %", printed)[1])
assert accuracy >= 98.5, f"the demo's test accuracy is {accuracy} %, expected 98.5"
pictures = re.findall(r"\S+\.png", printed)
assert len(pictures) >= 3, f"the demo names only {pictures}"
assert all(Path(picture).stat().st_size for picture in pictures), pictures
