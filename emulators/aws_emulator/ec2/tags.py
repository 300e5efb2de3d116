"""Corrections to moto's tags of EC2: they end with their resource, and are found by their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import utils
from moto.ec2.responses import EC2Response

# By the action that deletes something, the parameter that names it.
NAMED_BY = {
    "DeleteEgressOnlyInternetGateway": "EgressOnlyInternetGatewayId",
    "DeleteFlowLogs": "FlowLogIds",
    "DeleteInternetGateway": "InternetGatewayId",
    "DeleteNetworkAcl": "NetworkAclId",
    "DeleteNetworkInterface": "NetworkInterfaceId",
    "DeleteRouteTable": "RouteTableId",
    "DeleteSecurityGroup": "GroupId",
    "DeleteSubnet": "SubnetId",
    "DeleteVolume": "VolumeId",
    "DeleteVpc": "VpcId",
    "ReleaseAddress": "AllocationId",
}


class TagCalls(EC2Response):
    """Tags of what there is, and of nothing else."""

    def call_action(self) -> Any:
        """Forget the tags of what a call has deleted."""
        answer = super().call_action()
        parameter = NAMED_BY.get(self._get_action())
        if parameter and answer[0] < 300:
            named = self._get_param(parameter)
            for resource in named if isinstance(named, list) else [named]:
                self.ec2_backend.tags.pop(resource, None)
        return answer

    def describe_tags(self) -> ActionResult:
        """Apply filters of the form ``tag:key``, which moto leaves out."""
        filters = self._filters_from_querystring()
        wanted = {name[4:]: values for name, values in filters.items() if name.startswith("tag:")}
        found = self.ec2_backend.describe_tags(filters=filters)
        return ActionResult(
            {
                "Tags": [
                    tag for tag in found if not wanted or tag["value"] in wanted.get(tag["key"], [])
                ]
            }
        )


def by_any_value(matches: Callable[..., bool]) -> Callable[..., bool]:
    """Let a resource through a filter with several values if it has one of them, as at AWS.

    Of keys of tags, moto asks that all are among the values, or the values among the keys.
    """

    def match(resource: Any, name: str, wanted: Any) -> bool:
        values = wanted if isinstance(wanted, list) else [wanted]
        return any(matches(resource, name, [value]) for value in values)

    return match


def extend() -> None:
    """Correct how filters match."""
    utils.is_filter_matching = by_any_value(utils.is_filter_matching)
