"""The schedules against torch's schedulers, step by step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from sklearn_digits._training.schedule import ONE_CYCLE_WARMUP, Cosine, OneCycle

one_cycle, cosine = OneCycle(1.0).at, Cosine(1.0).at

HIGHEST = 0.2
progress = st.floats(0, 1)


def steps_of_torch(n_steps, make_scheduler):
    """Return the learning rate and momentum of each of `n_steps` steps."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=HIGHEST, momentum=0.9)
    scheduler = make_scheduler(optimizer)
    steps = []
    for _ in range(n_steps):
        group = optimizer.param_groups[0]
        steps.append((group["lr"], group["momentum"]))
        optimizer.step()
        if len(steps) < n_steps:
            scheduler.step()
    return steps


def torchs_one_cycle(n_steps, pct_start):
    return steps_of_torch(
        n_steps,
        lambda optimizer: OneCycleLR(
            optimizer,
            max_lr=HIGHEST,
            total_steps=n_steps,
            pct_start=pct_start,
            div_factor=25,
            # torch divides the first learning rate, not the highest one.
            final_div_factor=1e5 / 25,
            base_momentum=0.85,
            max_momentum=0.95,
        ),
    )


def ours(schedule, n_steps):
    return [schedule(step / (n_steps - 1)) for step in range(n_steps)]


@pytest.mark.parametrize("n_steps", [8, 41, 100, 1001])
def test_one_cycle_is_torchs(n_steps):
    # torch warms up for pct_start * n_steps - 1 of its n_steps - 1 intervals, ours
    # for a quarter of them: three quarters of a step longer than pct_start=0.25.
    pct_start = (ONE_CYCLE_WARMUP * (n_steps - 1) + 1) / n_steps
    theirs = torchs_one_cycle(n_steps, pct_start)
    for (factor, momentum), (rate, their_momentum) in zip(
        ours(one_cycle, n_steps), theirs, strict=True
    ):
        assert factor * HIGHEST == pytest.approx(rate, rel=1e-9)
        assert momentum == pytest.approx(their_momentum, rel=1e-9)


@pytest.mark.parametrize("n_steps", [40, 41, 1000])
def test_one_cycle_peaks_within_a_step_of_torchs_quarter(n_steps):
    theirs = [rate for rate, _ in torchs_one_cycle(n_steps, 0.25)]
    factors = [factor for factor, _ in ours(one_cycle, n_steps)]
    assert 0 <= factors.index(max(factors)) - theirs.index(max(theirs)) <= 1


@pytest.mark.parametrize("n_steps", [2, 10, 500])
def test_cosine_is_torchs(n_steps):
    theirs = steps_of_torch(
        n_steps, lambda optimizer: CosineAnnealingLR(optimizer, T_max=n_steps - 1)
    )
    for (factor, momentum), (rate, _) in zip(
        ours(cosine, n_steps), theirs, strict=True
    ):
        assert factor * HIGHEST == pytest.approx(rate, rel=1e-9, abs=1e-15)
        assert momentum is None


@settings(deadline=None)
@given(progress, progress)
def test_one_cycle_rises_for_a_quarter_and_then_falls(first, second):
    first, second = sorted([first, second])
    (rate, momentum), (next_rate, next_momentum) = one_cycle(first), one_cycle(second)
    if second <= ONE_CYCLE_WARMUP:
        assert rate <= next_rate
        assert momentum >= next_momentum
    elif first >= ONE_CYCLE_WARMUP:
        assert rate >= next_rate
        assert momentum <= next_momentum


@settings(deadline=None)
@given(progress)
def test_momentum_mirrors_the_learning_rate(share):
    factor, momentum = one_cycle(share)
    lowest = 1 / 25 if share < ONE_CYCLE_WARMUP else 1e-5
    height = (factor - lowest) / (1 - lowest)
    assert momentum == pytest.approx(0.95 - 0.1 * height, abs=1e-9)


def test_the_ends_are_those_documented():
    assert one_cycle(0) == pytest.approx((1 / 25, 0.95))
    assert one_cycle(0.25) == pytest.approx((1, 0.85))
    assert one_cycle(1) == pytest.approx((1e-5, 0.95))
    assert cosine(0)[0] == 1
    assert cosine(1)[0] == 0


@settings(deadline=None)
@given(progress)
def test_the_halves_of_the_cosine_add_up_to_one(share):
    assert cosine(share)[0] + cosine(1 - share)[0] == pytest.approx(1)
