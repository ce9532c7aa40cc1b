"""The version, for the package and for what it stores."""

__version__ = "0.1.0"
