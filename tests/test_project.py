"""Workflows, package data and citation agree with one another and with the Makefile."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

import sklearn_digits

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
YAML_FILES = [
    *WORKFLOWS,
    *ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"),
    ROOT / ".pre-commit-config.yaml",
    ROOT / ".readthedocs.yaml",
]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"].keys()
GROUPS = PYPROJECT["dependency-groups"].keys()
PINS = dict(re.findall(r"(?m)^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text()))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def values(node, key):
    """Yield what `key` stands for, anywhere in a parsed YAML file."""
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == key)
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from values(child, key)


def commands():
    """Return the commands of all workflows."""
    workflows = [yaml.safe_load(path.read_text("utf-8")) for path in WORKFLOWS]
    return [run for run in values(workflows, "run") if isinstance(run, str)]


def names(requirements):
    """Return the names of extras or groups, out of `[a,b]` or `--group a`."""
    return {name for names in requirements for name in names.split(",")}


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_a_yaml_file_can_be_read(path):
    assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict)


def test_every_target_that_a_workflow_makes_is_in_the_makefile():
    targets = set(re.findall(r"(?m)^([a-z-]+):(?!=)", read("Makefile")))
    made = {run.split()[1] for run in commands() if run.startswith("make ")}
    assert {"test", "test-lowest", "test-nightly", "lint", "docs", "wheel"} <= made
    assert made <= targets


def test_every_step_of_a_workflow_is_a_target_or_an_action():
    assert [run for run in commands() if not run.startswith("make ")] == [
        "sha256sum dist/*"  # for the log of a release
    ]


def test_targets_without_a_file_of_their_name_are_phony():
    makefile = read("Makefile")
    phony = set(" ".join(re.findall(r"(?m)^\.PHONY:(.*)$", makefile)).split())
    assert phony == set(re.findall(r"(?m)^([a-z-]+):(?!=)", makefile))


def test_workflows_test_the_versions_of_python_that_the_package_names():
    [matrix] = values(yaml.safe_load(read(".github/workflows/tests.yml")), "matrix")
    tested = {*matrix["python-version"]}
    tested |= {entry["python-version"] for entry in matrix["include"]}
    named = re.findall(r"Python :: (3\.\d+)", str(PYPROJECT["project"]["classifiers"]))
    assert tested == {*named}
    assert PYPROJECT["project"]["requires-python"] == f">={named[0]}"
    others = {str(v) for path in WORKFLOWS for v in versions_in(path)}
    assert others <= tested


def versions_in(path):
    found = values(yaml.safe_load(path.read_text("utf-8")), "python-version")
    return [v for v in found if isinstance(v, str) and "$" not in v]


def test_the_page_for_contributors_names_every_workflow():
    page = read("docs/development/contributing.md")
    assert [path.name for path in WORKFLOWS if path.name not in page] == []


@pytest.mark.parametrize(
    "name",
    [
        "Makefile",
        ".readthedocs.yaml",
        "CONTRIBUTING.md",
        "README.md",
        "docs/install.md",
        "docs/development/releasing.md",
    ],
)
def test_extras_and_groups_that_are_installed_exist(name):
    text = read(name)
    assert names(re.findall(r"(?:\.|sklearn-digits)\[([a-z,]+)\]", text)) <= EXTRAS
    assert names(re.findall(r"--group ([a-z]+)", text)) <= GROUPS


def test_every_extra_is_explained_on_the_page_about_installing():
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", read("docs/install.md"))) == EXTRAS


def test_links_of_the_readme_lead_to_addresses_on_pypi():
    text = (ROOT / "README.md").read_text("utf-8")
    files = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert all((ROOT / name).exists() for name in files)
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for rule in hook["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    assert not re.search(r"\]\((?!https:)", text)
    assert text.count("/main/") >= len(files) > 5
    assert "/blob/main/docs/images" not in text
    assert "[![" in text  # a picture that is a link has both


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == sklearn_digits.__version__
    assert citation["license"] == PYPROJECT["project"]["license"]
    urls = PYPROJECT["project"]["urls"]
    assert citation["repository-code"] == urls["Source"]
    assert citation["url"] == urls["Documentation"]


def test_hooks_before_a_commit_have_the_versions_of_make_lint():
    config = yaml.safe_load(read(".pre-commit-config.yaml"))
    revisions = {Path(repo["repo"]).name: repo.get("rev") for repo in config["repos"]}
    assert revisions["ruff-pre-commit"] == f"v{PINS['ruff']}"
    assert revisions["codespell"] == f"v{PINS['codespell']}"


def test_only_the_job_that_publishes_gets_a_token():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text("utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        assert "secrets." not in path.read_text("utf-8")
        more = {name for name, job in workflow["jobs"].items() if "permissions" in job}
        assert more == ({"publish"} if path.name == "release.yml" else set())


# The scripts in .ci


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("This is no image.", [(1, "is no image")]),
        ("One.\nThere are\nno rows.", [(2, "are no rows")]),
        ("# There is\n# no row.", [(1, "is no row")]),
        ("A Committee, whoever it is.", [(1, "Committee"), (1, "whoever")]),
        ("It is no longer true.", []),
        ("CUDA where it is\n    available.", []),
        ("A committee of 35 networks [1]_ (2012).", []),
    ],
)
def test_phrases_that_are_hard_to_read_are_found(text, found):
    find_phrases = runpy.run_path(ROOT / ".ci/check_words.py")["find_phrases"]
    assert find_phrases(text) == found


def test_a_release_wants_one_version_in_all_places(tmp_path):
    find_faults = runpy.run_path(ROOT / ".ci/check_release.py")["find_faults"]
    (tmp_path / "sklearn_digits/_persistence").mkdir(parents=True)
    files = {
        "sklearn_digits/_persistence/version.py": '__version__ = "1.2.3"\n',
        "CHANGELOG.md": "# Changelog\n\n## 1.2.3 (2027-01-31)\n",
        "CITATION.cff": "version: 1.2.3\ndate-released: 2027-01-31\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert find_faults("v1.2.3", tmp_path) == []
    assert find_faults("v1.2.4", tmp_path) == [
        "The tag is 'v1.2.4', but the version is 1.2.3."
    ]
    (tmp_path / "CHANGELOG.md").write_text("## Unreleased\n", encoding="utf-8")
    (tmp_path / "CITATION.cff").write_text("version: 1.2.2\n", encoding="utf-8")
    assert len(find_faults("v1.2.3", tmp_path)) == 3
