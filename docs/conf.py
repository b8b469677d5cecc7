"""How Sphinx builds the site; `make docs` runs it with warnings as errors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from cdnet import __version__

project = "cdnet"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "command_options"]
exclude_patterns = ["_build", "_ext"]
html_theme = "furo"
html_title = "cdnet"
autodoc_typehints = "signature"
myst_heading_anchors = 3
myst_url_schemes = ["http", "https", "mailto"]

# Links to other projects' documentation would need the network at every build.
nitpick_ignore_regex = [
    (r"py:.*", r"(pathlib|torch|numpy|collections|PIL|jsonargparse)(\..*)?"),
    (r"py:class", r"(tuple|dict)\[.*"),
    (r"py:class", "Tensor"),
    (r"py:mod", r"cdnet\..*"),
]
