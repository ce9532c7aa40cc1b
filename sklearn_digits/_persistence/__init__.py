"""What stays: pickles, checkpoints, files, weights for scikit-learn."""
