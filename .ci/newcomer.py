"""What somebody does in the first ten minutes with the package, one line a step.

python .ci/newcomer.py

It runs in the current folder, which must be empty, and with the package that this
Python has: `.ci/run` passes an environment that holds the wheel and its extras `plot`
and `cli`.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_digits import ConvNetClassifier, OcclusionDisplay
from sklearn_digits.datasets import load_image, load_image_folder

README = Path(__file__).resolve().parents[1] / "README.md"
COMMAND = Path(sys.executable).with_name("sklearn-digits")
N_PICTURES = 1_000


def run_the_readme():
    """Run the first block of the README."""
    code = re.search(r"(?ms)^```python\n(.*?)^```", README.read_text("utf-8"))[1]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, {"__name__": "readme"})
    plt.gcf().savefig("mistakes.png")
    accuracy = float(re.search(r"([\d.]+)%", printed.getvalue())[1])
    assert accuracy > 96, f"the README's network reads {accuracy} %"
    return f"its network reads {accuracy} %"


def learn_from_a_table():
    """Write digits as CSV, a label and 64 pixels a line; read and learn them."""
    pixels, labels = load_digits(return_X_y=True)
    names = [f"pixel {i}" for i in range(64)]
    table = pd.DataFrame(pixels, columns=names)
    table.insert(0, "label", [f"digit {label}" for label in labels])
    table.to_csv("digits.csv", index=False)

    table = pd.read_csv("digits.csv")
    X, y = table.drop(columns="label"), table["label"]
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = ConvNetClassifier(max_iter=10, random_state=0).fit(X_train, y_train)
    accuracy = model.score(X_test, y_test)
    assert accuracy > 0.95, f"the network of the table reads {accuracy:.1%}"
    return f"{len(table)} lines; {accuracy:.1%} of those held out are read right"


def learn_from_a_folder():
    """Write digits as PNG files; learn most of them, and store the model."""
    digits = load_digits()
    for i, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        folder = Path("pictures" if i < N_PICTURES else "new", str(label))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype(np.uint8)).save(folder / f"{i}.png")
    X, y = load_image_folder("pictures", return_X_y=True)
    X_new, y_new = load_image_folder("new", return_X_y=True)
    model = ConvNetClassifier(random_state=0).fit(X, y)
    accuracy = model.score(X_new, y_new)
    assert accuracy > 0.93, f"the network of the folder reads {accuracy:.1%}"
    joblib.dump(model, "model.joblib")
    return f"{len(X)} files; {accuracy:.1%} of {len(X_new)} others are read right"


def read_one_file():
    """Predict one file, as an array of the model's kind."""
    model = joblib.load("model.joblib")
    files = sorted(Path("new").glob("*/*.png"))[::100]
    right = [
        model.predict(load_image(f, like=model))[0] == f.parent.name for f in files
    ]
    assert np.mean(right) > 0.8, f"right or not: {right}"
    return f"{sum(right)} of {len(right)} are read right"


def explain_a_prediction():
    """Draw where the network looked, and check that its map is not flat."""
    model = joblib.load("model.joblib")
    X, y = load_image_folder("new", return_X_y=True)
    display = OcclusionDisplay.from_estimator(model, X[::400], y[::400])
    display.figure_.savefig("explanation.png")
    largest = np.abs(display.maps).max()
    assert largest > 0.1, f"the largest drop of a map is {largest:.3f}"
    return f"covering pixels costs up to {largest:.0%} of probability"


def load_in_another_process():
    """Predict in a process that has only the file of the model."""
    X, _ = load_image_folder("new", return_X_y=True)
    np.save("new.npy", X[:100])
    code = (
        "import joblib, numpy\n"
        "model = joblib.load('model.joblib')\n"
        "numpy.save('there.npy', model.predict_proba(numpy.load('new.npy')))"
    )
    run([sys.executable, "-c", code])
    here = joblib.load("model.joblib").predict_proba(X[:100])
    assert (np.load("there.npy") == here).all(), "another process predicts otherwise"
    return "the probabilities are the same, bit for bit"


def train_by_command():
    """Train on the folder by the command line."""
    report = run([COMMAND, "train", "pictures", "-o", "model.skops"])
    accuracy = float(re.search(r"it reads ([\d.]+)%", report)[1])
    assert accuracy > 90, report
    return f"its report says {accuracy} %"


def predict_by_command():
    """Predict files by the command line."""
    files = sorted(Path("new").glob("*/*.png"))[::20]
    printed = run([COMMAND, "predict", "model.skops", *files])
    table = pd.read_csv(io.StringIO(printed), dtype={"label": str})
    right = table["label"].to_numpy() == [file.parent.name for file in files]
    assert np.mean(right) > 0.9, printed
    return f"{right.sum()} of {len(files)} files are read right"


def run(command):
    """Run a command; return what it prints, or show its complaints."""
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, f"{command} ended with {done.stderr}"
    return done.stdout


STEPS = (
    run_the_readme,
    learn_from_a_table,
    learn_from_a_folder,
    read_one_file,
    explain_a_prediction,
    load_in_another_process,
    train_by_command,
    predict_by_command,
)

if __name__ == "__main__":
    plt.switch_backend("agg")
    if os.listdir():
        sys.exit(f"{Path.cwd()} is not empty.")
    for step in STEPS:
        print(f"{step.__name__.replace('_', ' ')}: {step()}.", flush=True)
