"""The sizes of EKS node groups: how many nodes run, and between which limits."""

from __future__ import annotations

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    Aws,
    AwsError,
    Fields,
    changes_of,
    differences,
    given,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.eks import wait_for_update
from ansible_collections.mlops.gpu_platform.plugins.module_utils.eks_nodegroup import (
    SIZES,
    describe_nodegroup,
    wait_for_nodegroup,
)

Groups = dict[tuple[str, str], Fields]


def ensure_scaling(aws: Aws, params: Fields) -> Fields:
    """Give each node group its sizes, all at the same time; none is created.

    Raises:
        AwsError: the sizes are out of order, or EKS reports a failure.
    """
    check_sizes(params["node_groups"])
    before: Groups = {}
    after: Groups = {}
    missing: list[str] = []
    updates = []
    for entry in params["node_groups"]:
        cluster, name = names = entry["cluster_name"], entry["name"]
        current = describe_nodegroup(aws, cluster, name)
        if current is None:
            missing.append("/".join(names))
            continue
        before[names] = sizes_of(current)
        after[names] = wanted_sizes(entry, before[names])
        changed = differences(before[names], after[names])
        if changed and not aws.check_mode:
            wait_for_nodegroup(aws, cluster, name)
            request = {SIZES[field]: after[names][field] for field in sorted(changed)}
            updates.append((names, scale(aws, cluster, name, request)))
    for (cluster, name), update in updates if aws.wait else ():
        wait_for_update(aws, update, name=cluster, nodegroupName=name)
    return {
        "changed": before != after,
        "changes": [
            change
            for names, sizes in after.items()
            for change in changes_of("AWS::EKS::Nodegroup", "/".join(names), before[names], sizes)
        ],
        "missing": missing,
        "node_groups": listing(after),
        "diff": {"before": by_name(before), "after": by_name(after)},
    }


def check_sizes(node_groups: list[Fields]) -> None:
    """Refuse sizes that EKS would refuse.

    Raises:
        AwsError: a size is below another one that is its lower limit.
    """
    for entry in node_groups:
        sizes = [0, entry["min_size"], entry["desired_size"], entry["max_size"]]
        given_sizes = [size for size in sizes if size is not None]
        if given_sizes != sorted(given_sizes) or entry["max_size"] == 0:
            raise AwsError(
                f"node_groups has {entry['name']} with min_size {entry['min_size']}, desired_size "
                f"{entry['desired_size']} and max_size {entry['max_size']}; it must be 0 <= "
                "min_size <= desired_size <= max_size, and max_size at least 1"
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


def scale(aws: Aws, cluster: str, name: str, sizes: Fields) -> Fields:
    """Begin an update of the sizes, and return it."""
    update: Fields = aws.client("eks").update_nodegroup_config(
        clusterName=cluster, nodegroupName=name, scalingConfig=sizes
    )["update"]
    return update


def by_name(groups: Groups) -> Fields:
    """Return sizes by the names of cluster and node group in one."""
    return {"/".join(names): sizes for names, sizes in groups.items()}


def listing(groups: Groups) -> list[Fields]:
    """Return node groups as the module's result lists them."""
    return [
        {"cluster_name": cluster, "name": name, **sizes}
        for (cluster, name), sizes in groups.items()
    ]
