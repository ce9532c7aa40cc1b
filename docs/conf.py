"""How Sphinx builds the site. ``make docs`` runs it; its warnings are errors."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from inventories import write_inventories  # noqa: E402

import sklearn_digits  # noqa: E402

project = "sklearn_digits"
author = "the sklearn_digits developers"
copyright = author
version = release = sklearn_digits.__version__

extensions = [
    "matplotlib.sphinxext.figmpl_directive",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
numpydoc_show_class_members = False
autodoc_typehints = "none"
# Signatures that are longer have one parameter a line.
python_maximum_signature_line_length = 68
# The list of a page's contents: fit(), not ConvNetClassifier.fit().
toc_object_entries_show_parents = "hide"
# Examples in docstrings that import matplotlib are run, and their pictures are shown.
numpydoc_use_plots = True
plot_include_source = True
plot_html_show_formats = False
plot_html_show_source_link = False
plot_formats = [("png", 100)]
plot_srcset = ["2x"]
intersphinx_mapping = write_inventories(DOCS / "_build" / "inventories")
# Prompts and output are not part of what is copied.
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "course",
    "filename_pattern": "/plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("sklearn_digits",),
    "reference_url": {"sklearn_digits": None},
    "remove_config_comments": True,
    "capture_repr": (),
    "image_srcset": ["2x"],
    "thumbnail_size": (560, 392),
    "show_signature": False,
    "min_reported_time": 1,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_digits"
html_static_path = ["_static"]
# The digit pad, which the first page embeds.
html_extra_path = ["../sklearn_digits/_displays/digit_pad"]
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_css_files = ["site.css"]
html_js_files = ["break_names.js"]
html_search_scorer = str(DOCS / "search_order.js")
html_copy_source = False
html_show_sourcelink = False
# Two columns of code, or wide tables, want the room of the sidebars.
html_sidebars = {"install": [], "benchmarks": [], "recipe": [], "coming_from/*": []}
html_theme_options = {
    "navbar_align": "left",
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 8,
}


def describe_pictures(app, what, name, value, options, lines):
    """Give the picture of an example the first line of its docstring as its text."""
    for i in reversed(range(len(lines))):
        if lines[i].strip() == ".. plot::":
            lines.insert(i + 1, f"   :alt: {value.__doc__.strip().splitlines()[0]}")


def setup(app):
    app.connect("autodoc-process-docstring", describe_pictures)
