"""The site: ``python -m sphinx -b html docs site/html``. It needs no network, neither to be built nor to be read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import prepare  # noqa: E402 (the folder must be on the path first)

COURSE = prepare.course()

project = COURSE["title"]
author = "the authors of the course"
copyright = "text and figures CC BY 4.0, code MIT"
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
exclude_patterns = ["requirements.txt", "_build"]
nb_execution_mode = "off"  # solutions are executed by notebooks/build.py, and checked there
nb_mime_priority_overrides = [("html", "image/svg+xml", 5), ("html", "text/html", 10)]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files of the repository that are no pages
default_role = "py:obj"
autodoc_typehints = "none"  # signatures say them

html_theme = "sphinx_book_theme"
html_title = COURSE["title"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_search_summary = False  # it fetches each page found, which a page that is opened from a disk may not
html_theme_options = {
    "repository_url": f"https://github.com/{COURSE['repository']}",
    "use_repository_button": True,
    "use_download_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the search field stands in the sidebar already
}
html_context = {"default_mode": "auto"}


def setup(app):
    prepare.lessons(app.srcdir)
    prepare.api(app.srcdir)
    prepare.explorer(app.srcdir)
    prepare.glossary(app.srcdir)
