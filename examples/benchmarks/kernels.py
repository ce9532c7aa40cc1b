"""Fixed kernels: microseconds an image.

1, 2, 4 and 8 kernels of 3×3 on `float32` images of 8×8 to 128×128, borders of zeros,
nothing after the convolution. SciPy (`ndimage.correlate`) and OpenCV (`filter2D`) go
over images and kernels in a loop that writes into one array, which is how they are
used. "Copy" copies our output once: what memory allows. HOG (scikit-image, 9
orientations, cells of a quarter of the side) is another feature, set beside four
kernels. The last rows are ours alone: four kernels on calls of few and of many images.
"""

import numpy as np
from benchmarking import OURS, run
from timing import compare, in_turn

from sklearn_digits import ConvolutionFeatureTransformer, kernel_bank

SETS = {
    1: ["vertical"],
    2: ["vertical", "horizontal"],
    4: ["vertical", "horizontal", "diagonal", "antidiagonal"],
    8: [
        "vertical",
        "horizontal",
        "diagonal",
        "antidiagonal",
        "sobel_v",
        "sobel_h",
        "laplacian",
        "blur",
    ],
}
N_PIXELS = 2**21
CALLS = (16, 128, 1024, 8192, 65536)


def with_scipy(images, kernels, out):
    """Correlate each image with each kernel."""
    from scipy.ndimage import correlate

    for image, maps in zip(images, out, strict=True):
        for kernel, feature_map in zip(kernels, maps, strict=True):
            correlate(image, kernel, feature_map, mode="constant")
    return out


def with_opencv(images, kernels, out):
    """Correlate each image with each kernel."""
    import cv2

    for image, maps in zip(images, out, strict=True):
        for kernel, feature_map in zip(kernels, maps, strict=True):
            cv2.filter2D(
                image, cv2.CV_32F, kernel, feature_map, borderType=cv2.BORDER_CONSTANT
            )
    return out


def with_hog(images):
    """Compute histograms of oriented gradients."""
    from skimage.feature import hog

    cell = images.shape[1] // 4
    return np.stack(
        [
            hog(image, pixels_per_cell=(cell, cell), cells_per_block=(1, 1))
            for image in images
        ]
    )


def sides(images, kernels):
    """Return what each side runs."""
    n, height, width = images.shape
    transformer = ConvolutionFeatureTransformer(kernels).fit(images)
    weights = np.stack([kernel_bank()[name] for name in kernels]).astype(np.float32)
    shape = (n, len(kernels), height, width)
    output = transformer.feature_maps(images)
    functions = {
        OURS: lambda: transformer.transform(images),
        "scipy.ndimage": lambda: with_scipy(
            images, weights, np.empty(shape, np.float32)
        ),
        "OpenCV": lambda: with_opencv(images, weights, np.empty(shape, np.float32)),
        "copy": output.copy,
    }
    if len(kernels) == 4:
        functions["scikit-image HOG"] = lambda: with_hog(images)
    return functions


def benchmark(options):
    """Yield a row for each side, number of kernels and size of image."""
    rng = np.random.default_rng(0)
    n_pixels = 2**16 if options.quick else N_PIXELS
    for side in (8, 28) if options.quick else (8, 28, 64, 128):
        images = rng.random((n_pixels // side**2, side, side), dtype=np.float32)
        for n_kernels, names in SETS.items():
            functions = sides(images, names)
            laps = in_turn(functions, 1 if options.quick else 7, not options.quick)
            for row in compare(laps, OURS, "µs", 1e6 / len(images)).values():
                yield {"image": f"{side}×{side}", "kernels": n_kernels, **row}
    yield from in_calls_of(CALLS[:2] if options.quick else CALLS, rng)


def in_calls_of(numbers, rng):
    """Yield a row for each number of images that a call of ours takes."""
    images = rng.random((max(8192, *numbers), 28, 28), dtype=np.float32)
    transformer = ConvolutionFeatureTransformer(SETS[4]).fit(images)
    for n in numbers:
        n_images = max(n, 8192)
        calls = np.split(images[:n_images], n_images // n)
        functions = {OURS: lambda calls=calls: [*map(transformer.transform, calls)]}
        for row in compare(in_turn(functions), OURS, "µs", 1e6 / n_images).values():
            yield {"image": f"{n} of 28×28", "kernels": 4, **row}


if __name__ == "__main__":
    run(benchmark, __doc__)
