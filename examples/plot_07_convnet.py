"""
07. Train a network that sees images
====================================

``ConvNetClassifier`` learns its kernels, layer upon layer of them. In each epoch it
sees every image a little rotated, moved and scaled. What does it still get wrong?
"""

from sklearn.model_selection import train_test_split

from sklearn_digits import ConvNetClassifier, MistakesDisplay, TrainingCurveDisplay
from sklearn_digits.datasets import load_example_digits

# sphinx_gallery_thumbnail_number = 2

X, X_test, y, y_test = load_example_digits(n_train=600)
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=1 / 6, stratify=y, random_state=0
)

# %%
# No parameter needs to be set, no image to be scaled or flattened. A validation set is
# given here to draw its curve; it changes nothing in the training.

model = ConvNetClassifier(random_state=0)
model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
print(f"{model.n_iter_} epochs; {model.score(X_test, y_test):.2%} of the test digits.")

# %%
# The learning rate rises and falls once over the fit. At the end the curves are flat.
# The training loss stays higher than the validation loss: augmented images are harder.

TrainingCurveDisplay.from_estimator(model)

# %%
# Its mistakes, the most confident ones first. Above each image: the true digit, the
# digit that it read, and how sure it was. Look at them before you ask for more
# accuracy: some are hard for people, too.

MistakesDisplay.from_estimator(model, X_test, y_test, n_images=12)
