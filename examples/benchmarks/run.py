"""Run all benchmarks, or those named, one process each, and write the page.

    python examples/benchmarks/run.py [--data FOLDER] [--quick] [--out FOLDER] [NAME]

Ctrl-C stops: what is finished is on the page.
"""

import subprocess
import sys
from pathlib import Path

from benchmarking import option_parser
from report import BENCHMARKS, write

HERE = Path(__file__).parent


def main():
    """Run the benchmarks; return the exit status."""
    parser = option_parser(__doc__.splitlines()[0])
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(BENCHMARKS))
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    arguments = ["--out", str(options.out), *(["--quick"] if options.quick else [])]
    if options.data:
        arguments += ["--data", options.data]
    failed, status = [], 0
    for name in options.names or BENCHMARKS:
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
    """Run a benchmark to its end, also where Ctrl-C makes that an early one."""
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the benchmark has it too, and ends by itself
            continue


if __name__ == "__main__":
    sys.exit(main())
