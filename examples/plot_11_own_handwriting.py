"""
11. Your own handwriting
========================

A photograph of a digit on paper is not what the network was trained on: it is dark on
light, large, off center, and unevenly lit. Does it read it all the same?
"""

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from sklearn_digits import ConvNetClassifier, to_digit_image
from sklearn_digits.datasets import load_example_digits

# %%
# For a photograph of yours it is ``np.asarray(Image.open("my_digit.jpg"))``. Here, a
# pen is moved over paper that lies in the light of a lamp at its left.


def photograph(stroke):
    """A digit drawn with a pen: 300x400 gray values, uint8."""
    paper = Image.new("L", (400, 300), 255)
    ImageDraw.Draw(paper).line(stroke, fill=40, width=16, joint="curve")
    paper = np.asarray(paper.filter(ImageFilter.GaussianBlur(2)))
    light = np.linspace(0.95, 0.75, 400)
    return (paper * light).astype(np.uint8)


strokes = {
    1: [(210, 60), (190, 240)],
    2: [(90, 110), (120, 75), (165, 80), (170, 120), (90, 220), (185, 215)],
    4: [(300, 60), (250, 160), (345, 155), (320, 150), (310, 235)],
    7: [(60, 50), (170, 45), (110, 200)],
}
photos = [photograph(stroke) for stroke in strokes.values()]

# %%
# ``to_digit_image`` makes of each what the training images are: cut out, light on dark,
# scaled and centered by mass.

X_train, _, y_train, _ = load_example_digits(n_train=10_000)
shape = X_train.shape[1:]
digits = np.stack([to_digit_image(photo, image_shape=shape) for photo in photos])
model = ConvNetClassifier(random_state=0).fit(X_train, y_train)
probabilities = model.predict_proba(digits)

# %%

_, axes = plt.subplots(2, 4, figsize=(9, 4.4), layout="constrained")
for column, photo, digit, row in zip(
    axes.T, photos, digits, probabilities, strict=True
):
    column[0].imshow(photo, cmap="gray", vmin=0, vmax=255)
    column[1].imshow(digit, cmap="gray")
    column[1].set_title(f"a {row.argmax()}, {row.max():.0%} sure")
for ax in axes.flat:
    ax.set_axis_off()
plt.show()
