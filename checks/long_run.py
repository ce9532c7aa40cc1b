"""Make many random sequences of calls, in parts that can be interrupted.

Each part has a seed of its own, and becomes a row of a file once it has ended::

    python checks/long_run.py --sequences 50000

Begun anew with the same file, it passes over the parts that are in it. A part that
failed is a row, too, with the end of pytest's output.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).with_name("test_machines.py")


def main():
    """Run the parts that are not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=50_000)
    parser.add_argument("--of-a-part", type=int, default=500)
    parser.add_argument("--rows", type=Path, default=TESTS.with_suffix(".jsonl"))
    options = parser.parse_args()
    done = done_parts(options.rows)
    for seed in range(-(-options.sequences // options.of_a_part)):
        if (seed, options.of_a_part) not in done:
            row = run_part(seed, options.of_a_part)
            with options.rows.open("a", encoding="utf-8") as file:
                print(json.dumps(row), file=file, flush=True)
    rows = read_rows(options.rows)
    failed = [row["seed"] for row in rows if not row["passed"]]
    print(f"{sum(row['sequences'] for row in rows)} sequences, failed parts: {failed}")
    return bool(failed)


def read_rows(path):
    """Return the rows of a file that may not be there."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def done_parts(path):
    """Return seed and size of the parts that have ended."""
    return {(row["seed"], row["sequences"]) for row in read_rows(path)}


def run_part(seed, n_sequences):
    """Run the sequences of a seed; return the row of this part."""
    start = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, str(TESTS), f"--hypothesis-seed={seed}"],
        env={**os.environ, "SKLEARN_DIGITS_SEQUENCES": str(n_sequences)},
        cwd=TESTS.parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    passed = run.returncode == 0
    return {
        "seed": seed,
        "sequences": n_sequences,
        "passed": passed,
        "seconds": round(time.monotonic() - start),
        "output": "" if passed else run.stdout[-6000:],
    }


if __name__ == "__main__":
    sys.exit(main())
