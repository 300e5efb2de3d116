"""Filter: the schedules that put node groups to sleep and wake them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

UPDATE = "arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig"

Schedule = dict[str, Any]


def sizes(node_group: Mapping[str, Any]) -> dict[str, int]:
    """Return the scaling configuration of a node group that is awake.

    Without a desired size the autoscaler's is left alone, unless the minimum lifts it from zero.
    """
    desired = node_group.get("desired_size")
    if desired is None and node_group["min_size"] > 0:
        desired = node_group["min_size"]
    limits = {"MinSize": node_group["min_size"], "MaxSize": node_group["max_size"]}
    return limits if desired is None else {**limits, "DesiredSize": desired}


def node_group_schedules(
    node_groups: Iterable[Mapping[str, Any]], stop: str, start: str, timezone: str, role: str
) -> list[Schedule]:
    """Return a schedule for each node group and direction; an empty expression is no schedule.

    EKS demands a maximum of at least 1, so a node group sleeps with minimum and desired size 0.
    """
    schedules: list[Schedule] = []
    for node_group in node_groups:
        names = {"ClusterName": node_group["cluster_name"], "NodegroupName": node_group["name"]}
        directions = (("stop", stop, {"MinSize": 0, "DesiredSize": 0}), ("start", start, None))
        schedules += [
            {
                "name": f"{node_group['cluster_name']}-{node_group['name']}-{direction}",
                "expression": expression,
                "timezone": timezone,
                "target_arn": UPDATE,
                "role": role,
                "input": {**names, "ScalingConfig": scaling or sizes(node_group)},
            }
            for direction, expression, scaling in directions
            if expression
        ]
    return schedules


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., list[Schedule]]]:
        """Return the filter by name."""
        return {"node_group_schedules": node_group_schedules}
