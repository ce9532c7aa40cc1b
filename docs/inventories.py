"""What the site links to in the documentation of other projects.

Intersphinx would fetch these lists, and the site is built without a network. So they
are written here: scikit-learn's from the installed package, whose pages are named after
what they document, and of the others the few names that are used.
"""

import zlib

from sklearn.utils.discovery import all_displays, all_estimators, all_functions

# Name, role and page; labels of sections also have the title that their links show.
SCIKIT_LEARN = [
    ("sklearn.callback.ProgressBar", "py:class", "modules/generated/$.html#$"),
    ("sklearn.utils.Bunch", "py:class", "modules/generated/$.html#$"),
    (
        "sklearn.utils.metadata_routing.MetadataRequest",
        "py:class",
        "modules/generated/$.html#$",
    ),
    ("meta-estimator", "std:term", "glossary.html#term-$"),
    ("metadata_routing", "std:label", "metadata_routing.html", "Metadata routing"),
    ("accuracy_score", "std:label", "modules/model_evaluation.html#accuracy-score"),
    (
        "df_output_transform",
        "std:label",
        "modules/df_output_transform.html",
        "Pandas or Polars output",
    ),
    (
        "sphx_glr_auto_examples_miscellaneous_plot_set_output.py",
        "std:label",
        "auto_examples/miscellaneous/plot_set_output.html",
        "Introducing the set_output API",
    ),
]
PROJECTS = {
    "python": (
        "https://docs.python.org/3/",
        [("KeyboardInterrupt", "py:exception", "library/exceptions.html#$")],
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        [("numpy.memmap", "py:class", "reference/generated/$.html#$")],
    ),
    "scipy": (
        "https://docs.scipy.org/doc/scipy/",
        [
            ("scipy.ndimage", "py:module", "reference/ndimage.html"),
            ("scipy.ndimage.correlate", "py:function", "reference/generated/$.html#$"),
        ],
    ),
    "matplotlib": (
        "https://matplotlib.org/stable/",
        [
            (f"matplotlib.axes.Axes.{name}", "py:method", "api/_as_gen/$.html#$")
            for name in ("imshow", "plot", "text", "contourf")
        ],
    ),
    "torch": (
        "https://docs.pytorch.org/docs/stable/",
        [
            (f"torch.nn.{name}", "py:class", "generated/$.html#$")
            for name in ("Module", "Linear", "Conv2d", "Dropout", "Sequential")
        ],
    ),
    "skorch": (
        "https://skorch.readthedocs.io/en/stable/",
        [("skorch.callbacks.Callback", "py:class", "callbacks.html#$")],
    ),
    "joblib": (
        "https://joblib.readthedocs.io/en/stable/",
        [("joblib.parallel_config", "py:function", "generated/$.html#$")],
    ),
}


def public_names():
    """Yield name, role and page of what scikit-learn documents."""
    for role, members in (
        ("py:class", all_estimators() + all_displays()),
        ("py:function", all_functions()),
    ):
        for name, member in members:
            parts = member.__module__.split(".")
            private = [i for i, part in enumerate(parts) if part.startswith("_")]
            module = ".".join(parts[: min(private, default=len(parts))])
            yield f"{module}.{name}", role, "modules/generated/$.html#$"


def write_inventories(folder):
    """Write an inventory for each project, and return intersphinx's mapping to them."""
    projects = {
        "sklearn": (
            "https://scikit-learn.org/stable/",
            [*public_names(), *SCIKIT_LEARN],
        ),
        **PROJECTS,
    }
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for project, (site, entries) in projects.items():
        path = folder / f"{project}.inv"
        header = [
            "# Sphinx inventory version 2",
            f"# Project: {project}",
            "# Version: ",
            "# The remainder of this file is compressed using zlib.",
        ]
        lines = [
            f"{name} {role} 1 {page.replace('$', name)} {''.join(title) or '-'}\n"
            for name, role, page, *title in entries
        ]
        path.write_bytes(
            "".join(f"{line}\n" for line in header).encode()
            + zlib.compress("".join(lines).encode())
        )
        mapping[project] = (site, str(path))
    return mapping
