"""Write ``benchmarks.md``, its tables and its charts, from the benchmarks' rows.

python examples/benchmarks/report.py docs
"""

import json
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import suite_report
from benchmarking import OUR_COLOR, OURS, color_of, show
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from search import read as read_search

BENCHMARKS = (
    "mlp_epoch",
    "small_data",
    "convnet_accuracy",
    "convnet_epoch",
    "mnist_accuracy",
    "accuracy",
    "kernels",
    "edge_features",
    "predict",
    "memory",
    "growth",
    "grid_search",
)
AXES = {
    "rows": "images",
    "side": "side of an image, pixels",
    "s": "seconds of an epoch",
    "MB": "peak memory, MB",
}
LONGEST_OPEN_TABLE = 9
GROWING = ("MLPClassifier", "ConvNetClassifier")
RULES = """## How they are run

Anyone can run these benchmarks again: `{command}`, or one of the scripts named.

Sections with a column *time / ours* compare times. Their sides run in turn (A B A B …)
in one process, after a round that does not count, on the same rows, with the same
network, the same number of epochs and of threads. A ratio is the median of the rounds,
with the least and the most. Above 1, the other side takes longer. The other sections
say how they were run.

The benchmarks that we lose stand here like the others.
[The recipe](recipe.md#the-rules) says what our hyperparameters were chosen on, and
lists every look at a test set that came before a choice.

Red is ours. Blue is scikit-learn, light blue scikit-image, purple skorch, green Keras,
dark green OpenCV, orange torch, and gray the rest.
"""


@dataclass
class Result:
    """The rows that a benchmark kept.

    Attributes
    ----------
    about : dict
        Title, text, command, date, machine and versions.
    rows : list of dict
    end : str
        "finished", "stopped", or what it failed with.
    """

    about: dict
    rows: list = field(default_factory=list)
    end: str = "still running, or killed"


def read(path):
    """Return the result that the file `path` holds, or None."""
    if not path.exists():
        return None
    result = Result({})
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        result.about = record.get("about", result.about)
        result.end = record.get("end", result.end)
        if "row" in record:
            result.rows.append(record["row"])
    return result


def table(rows):
    """Return rows as a Markdown table; a side that failed says so in its place."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[show(row.get(column, "")) for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(rows):
    """Return a table; a long one opens on a click."""
    if len(rows) <= LONGEST_OPEN_TABLE:
        return table(rows)
    summary = f"<summary>The table, {len(rows)} rows</summary>"
    return f"<details>\n{summary}\n\n{table(rows)}\n\n</details>"


def section(name, result, charted):
    """Return the Markdown of one benchmark."""
    if result is None:
        return f"## {name}\n\nNot run yet.\n"
    parts = [f"## {result.about['title']}", result.about["text"]]
    if charted:
        parts.append(f"![{result.about['title']}](benchmarks/{name}.svg)")
    parts.append(folded(result.rows))
    finished = result.end == "finished"
    end = "" if finished else f" **This benchmark has not ended: {result.end}.**"
    parts.append(f"`{result.about['command']}`, {result.about['date']}.{end}")
    return "\n\n".join(parts) + "\n"


def machines(results):
    """Return the machines and versions that the benchmarks ran with."""
    ran = {}
    for result in results:
        versions = ", ".join(f"{k} {v}" for k, v in result.about["versions"].items())
        ran.setdefault(f"{result.about['machine']}; {versions}.", []).append(result)
    if len(ran) == 1:
        return f"Machine: {next(iter(ran))}\n"
    lines = [
        f"- {', '.join(result.about['title'] for result in group)}: {what}"
        for what, group in ran.items()
    ]
    return "Machines:\n\n" + "\n".join(lines) + "\n"


# Charts


def number(value):
    """Return what a chart draws of a row's value, or None."""
    if isinstance(value, list):
        return float(value[0])
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def error_rate(row):
    """Return the share of errors of a row, in percent."""
    accuracy = number(row.get("accuracy %"))
    return None if accuracy is None else 100 - accuracy


def bars(rows, by, what, title, label="who"):
    """Return a figure with a panel for each value of the column `by`.

    Parameters
    ----------
    rows : list of dict
    by : str
    what : str or callable
        The column that is drawn, or a function of the row.
    title : str
    label : str, default="who"
        The column that names the bars.
    """
    value = what if callable(what) else lambda row: number(row.get(what))
    rows = [row for row in rows if value(row) is not None]
    panels = list(dict.fromkeys(row.get(by) for row in rows))
    if not panels:
        return None
    figure = Figure(
        figsize=(2 + 2.2 * len(panels), 0.8 + 0.33 * len({r[label] for r in rows})),
        layout="constrained",
    )
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, panel in zip(axes, panels, strict=True):
        shown = [row for row in rows if row.get(by) == panel]
        names = [row[label] for row in shown]
        colors = [color_of(name) for name in names]
        values = [value(row) for row in shown]
        axis.barh(names, values, color=colors)
        axis.bar_label(axis.containers[0], [f" {show(v)}" for v in values], fontsize=8)
        axis.margins(x=0.25)
        axis.set_xticks([])
        axis.set_title(f"{by}: {panel}", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    axes[0].invert_yaxis()
    figure.supxlabel(title, fontsize=9)
    return figure


def lines(rows):
    """Return a figure of seconds and megabytes over rows, and over the side."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    for axis, (x, y) in zip(
        figure.subplots(2, 2).flat,
        [("rows", "s"), ("rows", "MB"), ("side", "s"), ("side", "MB")],
        strict=True,
    ):
        for who, style in zip(GROWING, ("o--", "o-"), strict=True):
            points = [
                (row[x], row[y])
                for row in rows
                if row.get("who") == who and isinstance(row.get(x), int)
            ]
            if points:
                axis.loglog(*np.transpose(points), style, color=OUR_COLOR, label=who)
        axis.set(xlabel=AXES[x], ylabel=AXES[y])
        sizes = sorted({row[x] for row in rows if isinstance(row.get(x), int)})
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
        axis.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(fontsize=8)
    return figure


def at_28(rows):
    """Return the bars of the kernels on images of 28×28."""
    rows = [row for row in rows if row["image"] == "28×28"]
    return bars(rows, "kernels", "µs", "µs an image, 28×28")


def errors_by_look(rows):
    """Return the bars of the errors on images as they are, moved, and rotated."""
    columns = {"as it is": "accuracy %", "moved": "moved %", "rotated": "rotated %"}
    long = [
        {"who": row["who"], "digit": digit, "accuracy %": row.get(column)}
        for digit, column in columns.items()
        for row in rows
    ]
    return bars(long, "digit", error_rate, "errors, %")


def with_ours(rows):
    """Return rows in which our side's ratio to itself is 1."""
    return [{**row, "time / ours": row.get("time / ours", 1)} for row in rows]


def ratios(rows, by):
    """Return the bars of the times, where ours is 1."""
    rows = [row for row in rows if "time / ours" in row or row.get("who") == OURS]
    return bars(with_ours(rows), by, "time / ours", "time, where ours is 1")


CHARTS = {
    "mlp_epoch": partial(ratios, by="input"),
    "small_data": partial(ratios, by="what"),
    "convnet_accuracy": partial(bars, by="aim %", what="s", title="seconds"),
    "convnet_epoch": partial(ratios, by="precision"),
    "mnist_accuracy": errors_by_look,
    "accuracy": partial(bars, by="task", what=error_rate, title="errors, %"),
    "kernels": at_28,
    "edge_features": partial(
        bars, by="model", what=error_rate, title="errors, %", label="features"
    ),
    "predict": partial(bars, by="rows", what="µs", title="µs a call"),
    "memory": partial(
        bars,
        by="what",
        what=lambda row: number(row.get("MB", row.get("s"))),
        title="megabytes of a fit, seconds of an import",
    ),
    "growth": lines,
    "grid_search": partial(ratios, by="n_jobs"),
}


def suite_sections(results):
    """Return the Markdown of the suite, if ``search.py`` kept rows of it.

    The chart of its summary is written into the folder `results`.
    """
    rows = read_search(results / "suite.jsonl")
    if not rows:
        return []
    figure = suite_report.summary_figure(rows)
    figure.savefig(results / "summary.svg", metadata={"Date": None})
    command = "`python examples/benchmarks/search.py run --tier whole --part test …`"
    return [
        "\n\n".join(
            [
                "## Accuracy against the time of a fit",
                "![Accuracy against the time of a fit](benchmarks/summary.svg)",
                suite_report.SUMMARY,
                folded(suite_report.summary_rows(rows)),
                "## All sets of the suite",
                suite_report.ALL_SETS,
                folded(suite_report.all_sets_rows(rows)),
                f"{command}, {suite_report.dates(rows)}.\n",
            ]
        )
    ]


def write(folder, command="make bench"):
    """Write ``benchmarks.md`` and its charts into `folder`; return its path."""
    results = folder / "benchmarks"
    found = {name: read(results / f"{name}.jsonl") for name in BENCHMARKS}
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"})
    summary, sections = suite_sections(results), []
    for name, result in found.items():
        figure = CHARTS[name](result.rows) if result and result.rows else None
        if figure is not None:
            figure.savefig(results / f"{name}.svg", metadata={"Date": None})
        sections.append(section(name, result, figure is not None))
    page = folder / "benchmarks.md"
    ran = machines([result for result in found.values() if result])
    rules = RULES.format(command=command)
    text = "\n".join(["# Benchmarks\n", *summary, rules, ran, *sections])
    page.write_text(text, encoding="utf-8")
    return page


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
