"""Corrections to moto's Auto Scaling."""

from __future__ import annotations

from moto.autoscaling import urls
from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.responses import AutoScalingResponse as MotoResponse
from moto.core.responses import ActionResult


class AutoScalingResponse(MotoResponse):
    """moto's Auto Scaling, which asks before it ends instances."""

    def delete_auto_scaling_group(self) -> ActionResult:
        """Refuse a group with instances, unless the request forces it."""
        name = self._get_param("AutoScalingGroupName")
        group = self.autoscaling_backend.autoscaling_groups.get(name)
        if group and group.instance_states and not self._get_param("ForceDelete"):
            raise AutoscalingClientError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
                "instance request(s) still in the group.",
            )
        return super().delete_auto_scaling_group()

    def describe_notification_configurations(self) -> ActionResult:
        """Answer that there are none, as none can be made."""
        return ActionResult({"NotificationConfigurations": []})

    def describe_instance_refreshes(self) -> ActionResult:
        """Answer that there are none, as none can be started."""
        return ActionResult({"InstanceRefreshes": []})


def extend() -> None:
    """Route every request for Auto Scaling to the class above."""
    for path in urls.url_paths:
        urls.url_paths[path] = AutoScalingResponse.dispatch
