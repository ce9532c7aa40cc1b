"""
13. Why did it say 9?
=====================

A network reads a digit wrongly. Its answer is the result of millions of products, and
none of them is a reason. But we can ask again: without this part, is it still a 9?
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_digits import ConvNetClassifier, OcclusionDisplay, occlusion_map
from sklearn_digits.datasets import load_example_digits

X_train, X_test, y_train, y_test = load_example_digits(n_train=150, n_test=1_000)
model = ConvNetClassifier(max_iter=40, random_state=0).fit(X_train, y_train)
answers, nines = model.predict(X_test), model.predict_proba(X_test)[:, 9]
wrong = np.flatnonzero((answers == 9) & (y_test != 9))
wrong = wrong[np.argsort(-nines[wrong])]
print(f"{len(wrong)} of {len(X_test)} test digits are read as a 9 and are another.")

# %%
# A small black window covers one part of the image after the other. A pixel is red
# where the probability of a 9 drops, on average over the windows that cover it.

OcclusionDisplay.from_estimator(model, X_test[wrong], y_test[wrong])
plt.show()

# %%
# Is that true, or only pretty? Turn the reddest tenth of the pixels black, and ask
# again. The controls are the brightest tenth and a random tenth.

shape = (20, *X_test[wrong].shape)
orders = {  # a random tenth is drawn 20 times
    "reddest": occlusion_map(model, X_test[wrong])[np.newaxis],
    "brightest": X_test[wrong][np.newaxis],
    "random": np.random.default_rng(0).random(shape),
}
for name, values in orders.items():
    limits = np.quantile(values, 0.9, axis=(2, 3), keepdims=True)
    covered = np.where(values >= limits, 0, X_test[wrong]).reshape(-1, *shape[2:])
    still = (model.predict(covered) == 9).mean()
    print(f"Without the {name} tenth of the pixels, {still:.0%} are still read as a 9.")

# %%
# Where ink is missing, there is nothing to cover. So let the window bring ink,
# ``fill=255``. Here are digits that are read rightly as a 4, and maps for the answer 9.
# Blue means: with ink here, the probability of a 9 would be higher.

fours = np.flatnonzero((answers == 4) & (y_test == 4))
fours = fours[np.argsort(-nines[fours])]
OcclusionDisplay.from_estimator(model, X_test[fours], y_test[fours], target=9, fill=255)
plt.show()

# %%
# Most of the blue lies at the top, where ink closes the 4 to a 9. Some of it lies
# beside the digit, where no person would look, and a map may stay nearly white: no
# single window makes that 4 a 9. A map shows what this network does with this image. It
# does not show whether that is a good reason.
