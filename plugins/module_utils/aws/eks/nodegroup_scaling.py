"""The sizes of EKS node groups: how many nodes run, and between which limits."""

from __future__ import annotations

from ...changes import (
    changes_of,
    differences,
)
from ..core import (
    Aws,
    AwsError,
    Fields,
    given,
)
from .common import wait_for_update
from .node_rules import SIZES_ALLOWED, sizes_fit
from .nodegroup import Nodegroup
from .nodegroup_fields import SIZES


def ensure_scaling(aws: Aws, params: Fields) -> Fields:
    """Give each node group its sizes, all at the same time; none is created.

    Raises:
        AwsError: the sizes are out of order, or EKS reports a failure.
    """
    check_sizes(params["node_groups"])
    before: Fields = {}
    after: Fields = {}
    missing, found, updates = [], [], []
    for entry in params["node_groups"]:
        node_group = Nodegroup(aws, entry)
        title = "/".join(node_group.names().values())
        current = node_group.describe()
        if current is None:
            missing.append(title)
            continue
        before[title] = sizes_of(current)
        after[title] = wanted_sizes(entry, before[title])
        found.append({"cluster_name": entry["cluster_name"], "name": entry["name"], **after[title]})
        changed = differences(before[title], after[title])
        if changed and not aws.check_mode:
            node_group.settled(current)
            request = {SIZES[field]: after[title][field] for field in sorted(changed)}
            updates.append((entry, scale(node_group, request)))
    for entry, update in updates if aws.wait else ():
        wait_for_update(aws, update, name=entry["cluster_name"], nodegroupName=entry["name"])
    return {
        "changed": before != after,
        "changes": [
            change
            for title, sizes in after.items()
            for change in changes_of(Nodegroup.type, title, before[title], sizes)
        ],
        "missing": missing,
        "node_groups": found,
        "diff": {"before": before, "after": after},
    }


def check_sizes(node_groups: list[Fields]) -> None:
    """Refuse sizes that EKS would refuse.

    Raises:
        AwsError: a size is below another one that is its lower limit.
    """
    for entry in node_groups:
        if not sizes_fit(entry):
            raise AwsError(
                f"node_groups has {entry['name']} with min_size {entry['min_size']}, desired_size "
                f"{entry['desired_size']} and max_size {entry['max_size']}; it must be "
                f"{SIZES_ALLOWED}"
            )


def sizes_of(nodegroup: Fields) -> Fields:
    """Return the sizes of a described node group under the names of the options."""
    return {field: nodegroup["scalingConfig"][key] for field, key in SIZES.items()}


def wanted_sizes(entry: Fields, current: Fields) -> Fields:
    """Return all sizes of a node group: those given, and the others moved as little as need be."""
    sizes = {**current, **given(**{field: entry[field] for field in SIZES})}
    if entry["max_size"] is not None:
        sizes["min_size"] = min(sizes["min_size"], sizes["max_size"])
    sizes["max_size"] = max(sizes["max_size"], sizes["min_size"], entry["desired_size"] or 0)
    sizes["desired_size"] = min(max(sizes["desired_size"], sizes["min_size"]), sizes["max_size"])
    return sizes


def scale(node_group: Nodegroup, sizes: Fields) -> Fields:
    """Begin an update of the sizes, and return it."""
    eks = node_group.aws.client("eks")
    update: Fields = eks.update_nodegroup_config(**node_group.request(), scalingConfig=sizes)[
        "update"
    ]
    return update
