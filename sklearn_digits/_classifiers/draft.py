"""A fit happens on a draft: the estimator is what it was until the draft is taken."""

from contextlib import contextmanager

from sklearn_digits._estimator import copied


@contextmanager
def draft_of(estimator):
    """Yield a copy of `estimator` to fit, whose attributes it takes at the end.

    If the fit fails, `estimator` stays as it was. If Ctrl-C ends it, the epochs that
    were finished are taken.

    Parameters
    ----------
    estimator : TorchClassifier

    Yields
    ------
    draft : TorchClassifier
        Its ``n_iter_`` counts the finished epochs of this fit.
    """
    before = dict(vars(estimator))
    draft = copied(estimator)
    draft.n_iter_ = 0
    try:
        yield draft
    except KeyboardInterrupt:
        if draft.n_iter_:
            _take(estimator, draft, before)
        raise
    _take(estimator, draft, before)


def _take(estimator, draft, before):
    fitted = vars(draft)
    for name in before.keys() - fitted.keys():
        vars(estimator).pop(name, None)
    changed = {
        name: value
        for name, value in fitted.items()
        if name not in before or before[name] is not value
    }
    vars(estimator).update(changed)
