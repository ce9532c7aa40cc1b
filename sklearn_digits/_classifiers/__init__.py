"""The classifiers: scikit-learn's contract around torch modules."""
