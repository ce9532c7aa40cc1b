"""Image classifiers for scikit-learn, accurate on small images without tuning.

The names of the package are listed in ``__init__.pyi``. Each is imported when it is
first used: torch takes seconds to import, which ``python -m sklearn_digits --help``
does not need.
"""

import lazy_loader

from sklearn_digits._persistence.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
