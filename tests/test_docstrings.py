"""Everything public is documented as numpydoc wants it."""

import inspect

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import sklearn_digits
from sklearn_digits import datasets

IGNORED = {
    "ES01": "a summary that says all needs no extension",
    "SA01": "not everything has a relative",
    "RT02": "return values have names, as in scikit-learn",
}
IGNORED_IN_METHODS = {"EX01": "the example of a class uses its methods"}


def public_names():
    """Yield every public class, function and method of the package, by full name."""
    for module in (sklearn_digits, datasets):
        for name in module.__all__:
            value = getattr(module, name)
            yield f"{module.__name__}.{name}"
            if not inspect.isclass(value):
                continue
            for member, method in inspect.getmembers(value, callable):
                if not member.startswith("_") and method.__module__.startswith(
                    "sklearn_digits"
                ):
                    yield f"{module.__name__}.{name}.{member}"


NAMES = list(public_names())


def is_method(name):
    return name.removeprefix("sklearn_digits.").removeprefix("datasets.").count(".")


def test_the_walk_meets_classes_functions_and_methods():
    assert {
        "sklearn_digits.Dropout",
        "sklearn_digits.kernel_bank",
        "sklearn_digits.MLPClassifier.from_sklearn",
        "sklearn_digits.ConvNetClassifier.predict_proba",  # inherited
        "sklearn_digits.datasets.fetch_mnist",
    } <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_is_valid(name):
    ignored = IGNORED | (IGNORED_IN_METHODS if is_method(name) else {})
    errors = dict(validate(name)["errors"])
    assert {code: errors[code] for code in errors.keys() - ignored.keys()} == {}


CLASSIFIERS = [
    sklearn_digits.TorchClassifier,
    sklearn_digits.MLPClassifier,
    sklearn_digits.ImageClassifier,
    sklearn_digits.ConvNetClassifier,
]
# Entries whose texts differ between classifiers, and why.
DIFFERENT = {
    "solver": "the MLP has one solver more",
    "batch_size": '"auto" is another number for images',
    "learning_rate": "the schedules of the MLP are scikit-learn's",
    "max_iter": '"auto" exists for images only',
    "compute_dtype": '"auto" takes float64 into account in the MLP',
    "warm_start": "networks for images continue with other classes",
    "class_weight": "it shifts logits in networks for images",
    "dropout": "it acts on other layers",
    "module_": "it takes other inputs",
}


def test_entries_of_one_name_have_one_text():
    texts: dict = {}
    for kind in CLASSIFIERS:
        doc = ClassDoc(kind)
        for entry in doc["Parameters"] + doc["Attributes"]:
            texts.setdefault(entry.name, set()).add(" ".join(entry.desc))
    assert {name for name in texts if len(texts[name]) > 1} == set(DIFFERENT)
