"""
10. Write your own network
==========================

A residual network adds to an image what its layers compute from it (He, Zhang, Ren,
Sun, 2016). This package has none. What does it take to make one an estimator?
"""

import matplotlib.pyplot as plt
from torch import nn

from sklearn_digits import BatchNorm2d, ConvNetClassifier, ImageClassifier
from sklearn_digits.datasets import load_example_digits


class Residual(nn.Sequential):
    def __init__(self, n_channels):
        super().__init__(
            *(BatchNorm2d(n_channels), nn.ReLU()),  # it counts sample weights
            nn.Conv2d(n_channels, n_channels, 3, padding=1, bias=False),
            *(BatchNorm2d(n_channels), nn.ReLU()),
            nn.Conv2d(n_channels, n_channels, 3, padding=1, bias=False),
        )

    def forward(self, x):
        return x + super().forward(x)


class ResidualClassifier(ImageClassifier):
    width: int = 16  # a parameter; all others are inherited

    def build_module(self, n_features, n_classes):
        first, second = self.width, 2 * self.width
        return nn.Sequential(
            nn.Conv2d(self.image_shape_[2], first, 3, padding=1),
            Residual(first),
            nn.Conv2d(first, second, 3, padding=1, stride=2),
            Residual(second),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(second, n_classes)),
        )


# %%
# That is all. It fits, predicts, pickles and exports. ``GridSearchCV`` tunes its width.

X_train, X_test, y_train, y_test = load_example_digits(n_train=4_000)
_, ax = plt.subplots(layout="constrained")
for Classifier in (ResidualClassifier, ConvNetClassifier):
    model = Classifier(random_state=0).fit(X_train, y_train)
    label = f"{Classifier.__name__}: {model.score(X_test, y_test):.2%} read rightly"
    ax.plot(model.loss_curve_, label=label)
ax.set(xlabel="epoch", ylabel="training loss")
ax.legend()
plt.show()

# %%
# The new network learns more slowly, and its loss stays higher. It has a third of the
# weights. On these 8x8 digits both read 99.3 to 100 % with three seeds: no difference.
# On 4,000 images of MNIST it read 98.7 to 98.8 %, ``ConvNetClassifier`` 99.1 to 99.3 %.
