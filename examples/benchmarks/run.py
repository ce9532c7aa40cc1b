"""Run all races, or those named, one process each, and write the page.

    python examples/benchmarks/run.py [--data FOLDER] [--quick] [--out FOLDER] [RACE]

Ctrl-C stops: what is finished is on the page.
"""

import subprocess
import sys
from pathlib import Path

from racing import option_parser
from report import RACES, write

HERE = Path(__file__).parent


def main():
    """Run the races; return the exit status."""
    parser = option_parser(__doc__.splitlines()[0])
    parser.add_argument("races", metavar="RACE", nargs="*", help=", ".join(RACES))
    options = parser.parse_args()
    unknown = set(options.races) - set(RACES)
    if unknown:
        parser.error(f"no race is called {', '.join(sorted(unknown))}")
    arguments = ["--out", str(options.out), *(["--quick"] if options.quick else [])]
    if options.data:
        arguments += ["--data", options.data]
    failed, status = [], 0
    for name in options.races or RACES:
        status = run_one([sys.executable, str(HERE / f"{name}.py"), *arguments])
        if status == 130:
            break
        if status:
            failed.append(name)
    command = "make bench QUICK=1" if options.quick else "make bench"
    print(f"\nThe page: {write(options.out, command)}")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return status if status == 130 else bool(failed)


def run_one(command):
    """Run a race to its end, also where Ctrl-C makes that an early one."""
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the race has it too, and ends by itself
            continue


if __name__ == "__main__":
    sys.exit(main())
