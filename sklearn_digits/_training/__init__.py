"""Training: modules and rows, never an estimator."""
