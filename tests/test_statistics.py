import numpy as np
import torch

from sklearn_digits._images.statistics import pixel_statistics


def test_pixel_statistics_are_numpys():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (3000, 7), dtype=np.uint8)
    weight = rng.integers(0, 3, 3000)
    np.testing.assert_allclose(pixel_statistics(X, None), (X.mean(), X.std()))
    repeated = X.repeat(weight, axis=0)
    np.testing.assert_allclose(
        pixel_statistics(X, torch.from_numpy(weight.astype(float))),
        (repeated.mean(), repeated.std()),
    )
    assert pixel_statistics(np.full((5, 3), 7.0), None) == (7.0, 1.0)
