"""Every value that a role passes to a publisher's chart exists in that chart.

Helm takes a mistyped key without a word. The keys of the publishers' values are recorded in
publisher_values/<chart>.yml, one file for each chart that a role installs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RECORDS = sorted((Path(__file__).parent / "publisher_values").glob("*.yml"))
STAND_INS = ROOT / "emulators/stand_ins/charts"


class AnsibleLoader(yaml.SafeLoader):
    """Reads Ansible's tag for a string that is no template as a plain string."""


def unsafe(loader: AnsibleLoader, node: yaml.ScalarNode) -> str:
    """Return the text of an ``!unsafe`` string."""
    return str(loader.construct_scalar(node))


AnsibleLoader.add_constructor("!unsafe", unsafe)


def load(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file."""
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), AnsibleLoader)
    return content


def leaves(values: Any, prefix: str = "") -> Iterator[str]:
    """Return the dotted paths of the leaves; a template, a list or nothing is a leaf."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix


def is_known(path: str, keys: set[str]) -> bool:
    """Tell whether the publisher has the path, or a mapping that takes anything above it."""
    parts = path.split(".")
    above = {".".join(parts[:end]) + ".*" for end in range(1, len(parts) + 1)}
    return path in keys or bool(above & keys) or any(key.startswith(f"{path}.") for key in keys)


def test_a_mistyped_key_is_found() -> None:
    keys = {"nodeSelector.*", "image.tag", "affinity.nodeAffinity.required"}
    assert is_known("nodeSelector.gpu", keys)
    assert is_known("affinity", keys)
    assert not is_known("nodeSelectors.gpu", keys)
    assert not is_known("image.tag.suffix", keys)


def test_every_chart_that_a_role_installs_is_recorded() -> None:
    installing = {
        path.parents[1].name
        for path in ROOT.glob("roles/*/defaults/main.yml")
        if f"{path.parents[1].name}_chart_version" in load(path)
    }
    assert installing == {load(record)["role"] for record in RECORDS}


def test_the_autoscaler_is_one_for_the_clusters_version_of_kubernetes() -> None:
    autoscaler = load(STAND_INS / "cluster-autoscaler/Chart.yaml")["appVersion"]
    kubernetes = load(ROOT / "playbooks/group_vars/all.yml")["eks_cluster_version"]
    assert autoscaler.startswith(f"{kubernetes}.")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_passed_values_exist(path: Path) -> None:
    record = load(path)
    role = record["role"]
    assert path.stem == record["chart"]
    defaults = load(ROOT / f"roles/{role}/defaults/main.yml")
    assert defaults[f"{role}_chart_version"] == record["version"]
    passed = load(ROOT / f"roles/{role}/vars/main.yml")[f"_{role}_values_defaults"]
    keys = set(record["keys"])
    assert [key for key in leaves(passed) if not is_known(key, keys)] == []


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_stand_in_has_the_publishers_name_and_version_and_no_value_of_its_own(path: Path) -> None:
    record = load(path)
    chart = load(STAND_INS / record["chart"] / "Chart.yaml")
    assert (chart["name"], chart["version"]) == (record["chart"], record["version"])
    assert "stand-in" in chart["description"].lower()
    values = load(STAND_INS / record["chart"] / "values.yaml")
    keys = set(record["keys"])
    assert [key for key in leaves(values) if not is_known(key, keys)] == []
