"""A fit resolves device, precision and threads, and changes nothing global."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from threadpoolctl import ThreadpoolController
from torch import nn

from sklearn_digits._training import runtime as _runtime
from sklearn_digits._training.runtime import (
    ONE_THREAD_STEP,
    count_flops,
    has_native_bfloat16,
    matrix_precision,
    resolve_compute_dtype,
    resolve_device,
    threads_for,
    weight_dtype,
    without_autocast,
)

CPU = torch.device("cpu")


def limit_threads(number):
    """Limit the calling thread, after torch has set the number it starts with."""
    torch.get_num_threads()
    return ThreadpoolController().limit(limits=number, user_api="openmp")


@pytest.fixture
def three_threads():
    """Three threads, on machines of any size."""
    with limit_threads(3):
        yield


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "auto"])
@pytest.mark.parametrize("cuda", [False, True])
def test_auto_is_cuda_where_there_is_one(monkeypatch, device, cuda):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    expected = "cuda" if cuda and device == "auto" else "cpu"
    assert resolve_device(device) == torch.device(expected)


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "cuda:x", "xla", "hpu"])
def test_a_device_that_is_not_here_is_named(device):
    with pytest.raises(ValueError, match=f"device='{device}' cannot be used here") as e:
        resolve_device(device)
    assert "Expected 'auto', 'cpu', or a device of this machine" in str(e.value)


@pytest.mark.parametrize(
    ("asked", "native", "step", "expected"),
    [
        ("auto", True, 1e8, "bfloat16"),
        ("auto", True, 1e8 - 1, "float32"),
        ("auto", True, 0, "float32"),
        ("auto", False, 1e30, "float32"),
        ("float32", True, 1e30, "float32"),
        ("float64", True, 1e30, "float64"),
        ("bfloat16", False, 0, "bfloat16"),
    ],
)
def test_large_steps_run_in_bfloat16_where_it_is_native_unless_told_otherwise(
    monkeypatch, asked, native, step, expected
):
    kinds = {"cuda": native, "cpu": not native}
    monkeypatch.setattr(_runtime, "has_native_bfloat16", kinds.get)
    assert resolve_compute_dtype(asked, torch.device("cuda:1"), step, 1e8) == expected


@pytest.mark.parametrize(
    ("kind", "capabilities", "native"),
    [
        ("cpu", {"avx512_bf16": True}, True),
        ("cpu", {"avx512_bf16": False, "amx_bf16": True}, True),
        ("cpu", {"sve_bf16": True}, True),
        ("cpu", {"avx512_bf16": False, "avx512_f": True}, False),
        ("cpu", {}, False),
        ("cuda", (8, 0), True),
        ("cuda", (7, 5), False),
        ("mps", None, False),
    ],
)
def test_the_device_says_whether_it_multiplies_bfloat16(
    monkeypatch, kind, capabilities, native
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capabilities)
    assert has_native_bfloat16.__wrapped__(kind) is native


@pytest.mark.parametrize(
    ("compute_dtype", "weights", "products"),
    [
        ("float32", torch.float32, torch.float32),
        ("bfloat16", torch.float32, torch.bfloat16),
        ("float64", torch.float64, torch.float64),
    ],
)
def test_weights_and_products_have_their_precision(compute_dtype, weights, products):
    assert weight_dtype(compute_dtype) == weights
    layer = nn.Linear(3, 2, dtype=weights)
    x = torch.ones(1, 3, dtype=weights)
    with matrix_precision(compute_dtype, CPU):
        assert layer(x).dtype == products
    assert layer(x).dtype == weights


def test_products_follow_the_weights_where_the_caller_has_autocast_on():
    layer = nn.Linear(3, 1, bias=False)
    with torch.autocast("cpu"), without_autocast():
        for value in (1.0, 2.0):
            nn.init.constant_(layer.weight, value)
            with matrix_precision("bfloat16", CPU):
                assert layer(torch.ones(1, 3)).item() == 3 * value


def test_small_steps_run_on_one_thread_and_large_ones_as_before(three_threads):
    with threads_for(ONE_THREAD_STEP - 1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with threads_for(ONE_THREAD_STEP):
        assert torch.get_num_threads() == 3


def test_limits_nest_and_end_with_an_error(three_threads):
    with threads_for(0):
        with pytest.raises(KeyError, match="1"), threads_for(0), threads_for(1e30):
            raise KeyError(torch.get_num_threads())
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_other_threads_keep_their_number():
    with ThreadPoolExecutor(1) as other:
        other.submit(limit_threads, 3).result()
        with threads_for(0):
            assert other.submit(torch.get_num_threads).result() == 3
        assert other.submit(torch.get_num_threads).result() == 3


def test_threads_that_start_meanwhile_get_the_number_of_any_other():
    def number_of_a_new_thread():
        with ThreadPoolExecutor(1) as other:
            return other.submit(torch.get_num_threads).result()

    before = number_of_a_new_thread()
    with threads_for(0):
        assert number_of_a_new_thread() == before
    assert number_of_a_new_thread() == before


@pytest.mark.parametrize(
    ("layer", "shape", "multiplications"),
    [
        (nn.Linear(7, 5), (1, 7), 7 * 5),
        (nn.Linear(7, 5), (1, 4, 7), 4 * 7 * 5),
        (nn.Conv2d(3, 8, 5), (1, 3, 12, 10), 8 * 8 * 6 * 3 * 25),
        (nn.Conv2d(4, 8, 3, padding=1, stride=2), (1, 4, 8, 8), 8 * 16 * 4 * 9),
        (nn.Conv2d(4, 8, 3, padding=1, groups=2), (1, 4, 8, 8), 8 * 64 * 2 * 9),
    ],
)
def test_operations_are_two_a_multiplication(layer, shape, multiplications):
    flops, output = count_flops(layer, torch.ones(shape))
    assert flops == 2 * multiplications
    assert torch.equal(output, layer(torch.ones(shape)))


def test_layers_add_up_as_often_as_they_run_and_the_others_are_free():
    shared = nn.Linear(6, 6)
    module = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), shared, shared
    )
    flops, output = count_flops(module, torch.ones(1, 1, 3, 3))
    assert flops == 2 * (6 * 9 + 2 * 36)
    assert output.shape == (1, 6)


def test_counting_leaves_no_hooks_behind():
    module = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5))
    count_flops(module, torch.ones(1, 4))
    assert not module[0]._forward_hooks
    with pytest.raises(RuntimeError):
        count_flops(module, torch.ones(1, 5))
    assert not module[0]._forward_hooks
