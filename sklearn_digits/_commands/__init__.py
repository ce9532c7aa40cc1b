"""The command line: one file a command.

What takes seconds to import, torch and scikit-learn, is imported in the functions that
use it: ``--help`` answers at once.
"""
