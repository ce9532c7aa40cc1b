"""Where the documentation of the estimators is, for the links in their HTML."""

DOCUMENTATION = "https://sklearn-digits.readthedocs.io/en/stable"


class DocumentedEstimator:
    """Mixin that links an estimator's HTML representation to its page.

    Estimators of other packages that inherit it have no link: scikit-learn makes
    none where the class is not of `_doc_link_module`.
    """

    _doc_link_module = "sklearn_digits"
    _doc_link_template = (
        f"{DOCUMENTATION}/api/{{estimator_module}}.{{estimator_name}}.html"
    )
