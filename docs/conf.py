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
