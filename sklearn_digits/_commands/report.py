"""What a model reads right and wrong of the pictures that were held out, as text."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sklearn.metrics import accuracy_score, classification_report

MOST_PAIRS, MOST_FILES = 5, 10  # that are listed


def describe_mistakes(model: Any, pictures: Any, held_out: Any) -> str:
    """Return how accurate a model is on held-out pictures, and where it errs.

    Parameters
    ----------
    model : classifier
    pictures : Bunch
        As load_image_folder returns it.
    held_out : ndarray of shape (n_held_out,), int64
        Positions of the pictures that the model has not seen.
    """
    labels = pictures.labels[held_out]
    probabilities = model.predict_proba(pictures.images[held_out])
    predicted = model.classes_[probabilities.argmax(axis=1)]
    accuracy = accuracy_score(labels, predicted)
    parts = [
        f"It reads {accuracy:.2%} right of the {len(held_out)} pictures that were held "
        "out.",
        classification_report(labels, predicted, zero_division=0).rstrip(),
    ]
    surest = (-probabilities.max(axis=1)).argsort(kind="stable")
    wrong = [i for i in surest if labels[i] != predicted[i]]
    if wrong:
        pairs = Counter((labels[i], predicted[i]) for i in wrong).most_common()
        parts += [
            "Most confused:\n"
            + _listed((f"{a} read as {b}: {n}" for (a, b), n in pairs), MOST_PAIRS),
            "Misread, the surest first:\n"
            + _listed(
                (
                    f"{pictures.filenames[held_out[i]]}: read as {predicted[i]} with "
                    f"probability {probabilities[i].max():.3f}"
                    for i in wrong
                ),
                MOST_FILES,
            ),
        ]
    return "\n\n".join(parts)


def describe_skipped(skipped: Mapping[str, str]) -> str:
    """Return which files were skipped, and why."""
    lines = (f"{file}: {reason}" for file, reason in skipped.items())
    return "\nSkipped files:\n" + _listed(lines, MOST_FILES)


def _listed(lines: Iterable[str], most: int) -> str:
    """Return the first lines, indented, and the number of the others."""
    lines = list(lines)
    rest = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join(f"  {line}" for line in lines[:most] + rest)
