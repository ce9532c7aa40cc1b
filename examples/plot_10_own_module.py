"""
10. Your own network, in one file
=================================

A residual network adds to an image what its layers compute from it [1]_. This package
does not have one. What does it take to have it as an estimator?

.. [1] He, Zhang, Ren, Sun (2016). Deep residual learning for image recognition. CVPR.
"""

import matplotlib.pyplot as plt
from torch import nn

from sklearn_digits import BatchNorm2d, ConvNetClassifier, ImageClassifier
from sklearn_digits.datasets import load_example_digits


class Residual(nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.layers = nn.Sequential(
            *(BatchNorm2d(n_channels), nn.ReLU()),
            nn.Conv2d(n_channels, n_channels, 3, padding=1, bias=False),
            *(BatchNorm2d(n_channels), nn.ReLU()),
            nn.Conv2d(n_channels, n_channels, 3, padding=1, bias=False),
        )

    def forward(self, x):
        return x + self.layers(x)


class ResidualClassifier(ImageClassifier):
    width: int = 16  # a parameter; all others are inherited

    def build_module(self, n_features, n_classes):
        first, second = self.width, 2 * self.width
        return nn.Sequential(
            nn.Conv2d(self.image_shape_[2], first, 3, padding=1),
            Residual(first),
            nn.Conv2d(first, second, 3, padding=1, stride=2),
            Residual(second),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(second, n_classes),
        )


# %%
# ``BatchNorm2d`` is this package's: it counts sample weights. Now the network fits and
# predicts. ``GridSearchCV`` can search its ``width``; it clones, pickles and exports.

X_train, X_test, y_train, y_test = load_example_digits(n_train=4_000)
_, ax = plt.subplots(layout="constrained")
for Classifier in (ResidualClassifier, ConvNetClassifier):
    model = Classifier(random_state=0).fit(X_train, y_train)
    score = f"{model.score(X_test, y_test):.2%} of the test digits"
    ax.semilogy(model.loss_curve_, label=f"{Classifier.__name__}, {score}")
ax.set(xlabel="epoch", ylabel="training loss")
ax.legend()
plt.show()
