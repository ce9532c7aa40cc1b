"""Which pixels a prediction hangs on.

Estimators are read by their public methods and fitted attributes alone.
"""
