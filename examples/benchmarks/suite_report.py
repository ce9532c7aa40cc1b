"""The rows of a search on test parts, as the first tables and chart of the page."""

import pandas as pd
from benchmarking import OUR_COLOR, color_of
from matplotlib.figure import Figure

# Tasks of the summary, and the accuracies that its axes name.
SUMMARIES = {
    "mnist all": ("MNIST", (97, 98, 99, 99.5, 99.7, 99.8)),
    "cifar10 all": ("CIFAR-10 (JPEG)", (50, 60, 70, 80, 85, 90, 94)),
}
ON_ALL_SETS = (
    "ConvNetClassifier",
    "edges + logistic regression",
    "SVC",
    "scikit-learn MLP",
    "class shares",
)
SECONDS = (3, 10, 30, 100, 300, 1000, 3000)
SUMMARY = """Each point is a whole fit on the training images of MNIST or CIFAR-10,
judged by the test images. Red points are ours, and a line joins our networks. Others
have their default parameters, or those that the documentation of their library shows.
The suite has CIFAR-10 as JPEG copies of quality 75, which are harder to read than the
originals: see [the recipe](recipe.md). CPU seconds are those of the processor, all
threads together. Means over the seeds, the least and the most in parentheses."""
ALL_SETS = """Test images of the tasks of [the suite](recipe.md#the-suite). The defaults
were chosen on held-out training images, not on these. A cell holds accuracy in percent,
log-loss, and expected calibration error in 15 bins: means over the seeds. Others have
fewer seeds than ours on some tasks. *Edges* are `ConvolutionFeatureTransformer("gabor",
rectify="abs", pooling="mean", power=0.5)`. *SVC* is scikit-learn's, with calibrated
probabilities, and *class shares* is its `DummyClassifier`."""


def fits(rows):
    """Return a data frame of the rows that did not fail."""
    return pd.DataFrame([row for row in rows if "failed" not in row])


def dates(rows):
    """Return the first and the last day of the fits, or the one that is both."""
    days = fits(rows)["date"]
    first, last = days.min(), days.max()
    return first if first == last else f"{first} to {last}"


def spread(values, digits):
    """Return a mean, and the least and the most where there are several."""
    mean = f"{values.mean():.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({values.min():.{digits}f}–{values.max():.{digits}f})"


def summary_rows(rows):
    """Return the rows of the table under the chart, sorted by accuracy."""
    frame, found = fits(rows), []
    for task, (name, _) in SUMMARIES.items():
        groups = frame[frame["task"] == task].groupby("candidate")
        order = groups["accuracy"].mean().sort_values(ascending=False).index
        for who in order:
            group = groups.get_group(who)
            known = group["log-loss"].notna().all()
            found.append(
                {
                    "images": name,
                    "who": who,
                    "seeds": len(group),
                    "CPU s of a fit": float(group["CPU s"].mean()),
                    "accuracy %": spread(100 * group["accuracy"], 2),
                    "log-loss": spread(group["log-loss"], 3) if known else "",
                    "calibration error": (
                        spread(group["calibration error"], 3) if known else ""
                    ),
                }
            )
    return found


def all_sets_rows(rows):
    """Return a row for each task, and a column for each candidate."""
    frame, found = fits(rows), []
    for task, of_task in frame.groupby("task", sort=False):
        groups = dict(list(of_task.groupby("candidate")))
        if not set(ON_ALL_SETS[1:]) & set(groups):
            continue
        cells = {who: cell(groups[who]) if who in groups else "" for who in ON_ALL_SETS}
        ours = groups.get(ON_ALL_SETS[0])
        seeds = "" if ours is None else len(ours)
        found.append({"task": task, "seeds of ours": seeds, **cells})
    return found


def cell(group):
    """Return accuracy, log-loss and calibration error of a candidate on a task."""
    means = group[["accuracy", "log-loss", "calibration error"]].mean()
    return f"{100 * means.iloc[0]:.1f} / {means.iloc[1]:.2f} / {means.iloc[2]:.3f}"


def summary_figure(rows):
    """Return a figure: accuracy against CPU seconds, a panel for each set of images."""
    frame = fits(rows)
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    panels = figure.subplots(1, len(SUMMARIES))
    for axes, (task, (name, ticks)) in zip(panels, SUMMARIES.items(), strict=True):
        of_task = frame[frame["task"] == task]
        means = of_task.groupby("candidate")[["accuracy", "CPU s"]].mean()
        means = means[means["accuracy"] > (100 - 2 * (100 - ticks[0])) / 100]
        draw_points(axes, means)
        axes.set(xscale="log", yscale="log", title=name)
        axes.set_ylim(1.3 * (100 - ticks[0]), 0.8 * (100 - ticks[-1]))
        axes.set_yticks(
            [100 - tick for tick in ticks], [f"{tick:g} %" for tick in ticks]
        )
        axes.set_xlim(SECONDS[0] / 1.3, SECONDS[-1] * 1.3)
        axes.set_xticks(SECONDS, [str(seconds) for seconds in SECONDS])
        axes.minorticks_off()
        axes.set_xlabel("CPU seconds of a fit")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("accuracy on test images")
    return figure


def draw_points(axes, means):
    """Draw a named point for each candidate, ours in red; our networks are joined."""
    networks = [name for name in means.index if name.startswith("ConvNetClassifier")]
    line = means.loc[networks].sort_values("CPU s")
    axes.plot(line["CPU s"], 100 - 100 * line["accuracy"], color=OUR_COLOR, lw=1)
    for name, row in means.iterrows():
        color = color_of(name)
        place = row["CPU s"], 100 - 100 * row["accuracy"]
        axes.plot(*place, "o", color=color)
        label = name.removeprefix("ConvNetClassifier").removeprefix(", ")
        label = label or "ConvNetClassifier()"
        axes.annotate(label, place, (5, -10), textcoords="offset points", fontsize=8)
