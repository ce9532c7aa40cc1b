"""Pictures of digits, networks and their mistakes, after scikit-learn's displays.

A display stores what it shows, and `plot` draws it into one matplotlib Axes; what was
drawn stays reachable, to be changed, as attributes. Estimators are read by their
fitted attributes and public methods alone.
"""
