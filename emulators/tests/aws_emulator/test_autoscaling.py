"""Each correction to moto's Auto Scaling, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


def test_group_with_instances_is_in_use(
    ec2: Any, client: Callable[[str], Any], subnets: list[str]
) -> None:
    autoscaling, name = client("autoscaling"), {"AutoScalingGroupName": "mlops"}
    template = {"LaunchTemplateName": "mlops-scaled"}
    ec2.create_launch_template(
        **template, LaunchTemplateData={"ImageId": "ami-00000000", "InstanceType": "g4dn.xlarge"}
    )
    sizes = {"MinSize": 0, "MaxSize": 2, "DesiredCapacity": 1}
    autoscaling.create_auto_scaling_group(
        **name, **sizes, VPCZoneIdentifier=subnets[0], LaunchTemplate=template
    )
    check_refusals(autoscaling, [("delete_auto_scaling_group", name, "ResourceInUse", "instances")])
    described = autoscaling.describe_notification_configurations(AutoScalingGroupNames=["mlops"])
    assert described["NotificationConfigurations"] == []
    assert autoscaling.describe_instance_refreshes(**name)["InstanceRefreshes"] == []
    autoscaling.delete_auto_scaling_group(**name, ForceDelete=True)
    filters = [{"Name": "subnet-id", "Values": subnets}]
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []
    ec2.delete_launch_template(**template)
