"""The transformer of fixed kernels, in NumPy."""
