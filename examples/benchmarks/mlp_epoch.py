"""An epoch of MLPClassifier on MNIST against a hand-written torch loop.

    python examples/benchmarks/mlp_epoch.py --data FOLDER

Both train a 784-256-256-256-10 network with Adam in batches of 1024, in the same
precision, on the same uint8 images. An epoch is the difference between a fit of four
epochs and one of one, over three: what a fit does once is left out on both sides.
"""

import argparse
import warnings
from contextlib import nullcontext
from itertools import pairwise

import torch
from timing import in_turn, ratio
from torch import nn

from sklearn_digits import MLPClassifier
from sklearn_digits.datasets import fetch_mnist

WIDTHS, BATCH_SIZE = (784, 256, 256, 256, 10), 1024


def train_by_hand(X, y, n_epochs, compute_dtype):
    """Train as somebody who knows torch would write it down."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    layers = []
    for n_in, n_out in pairwise(WIDTHS):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    module = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    bfloat16 = compute_dtype == "bfloat16"
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(BATCH_SIZE):
            with torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext():
                logits = module(X[rows].float())
            loss = nn.functional.cross_entropy(logits.float(), y[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return module


def train_ours(X, y, n_epochs, compute_dtype):
    return MLPClassifier(
        WIDTHS[1:-1],
        batch_size=BATCH_SIZE,
        max_iter=n_epochs,
        compute_dtype=compute_dtype,
        random_state=0,
    ).fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="the IDX files of MNIST")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    mnist = fetch_mnist(data_home=options.data, subset="train")
    X, y = mnist.data, mnist.target
    warnings.filterwarnings("ignore", message="Stochastic Optimizer")
    for compute_dtype in ("bfloat16", "float32"):
        seconds = in_turn(
            {
                (name, n_epochs): lambda train=train, n=n_epochs, dtype=compute_dtype: (
                    train(X, y, n, dtype)
                )
                for name, train in (("ours", train_ours), ("hand", train_by_hand))
                for n_epochs in (1, 4)
            },
            options.rounds,
        )
        epoch = {
            name: [
                (long - short) / 3
                for long, short in zip(seconds[name, 4], seconds[name, 1], strict=True)
            ]
            for name in ("ours", "hand")
        }
        middle, least, most = ratio(epoch["ours"], epoch["hand"])
        print(
            f"{compute_dtype}: ours {min(epoch['ours']):.3f} s, by hand "
            f"{min(epoch['hand']):.3f} s an epoch (least); ratio {middle:.2f} "
            f"({least:.2f} to {most:.2f})"
        )


if __name__ == "__main__":
    main()
