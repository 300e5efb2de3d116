"""What controllers leave in a VPC, against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    AwsTimeoutError,
    Fields,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.leftovers import (
    remove_network_interfaces,
    remove_security_groups,
)
from support.scripted_aws import ScriptedAws
from support.scripted_network import (
    OF_VPC,
    network,
)


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_interfaces(script: ScriptedAws, *interfaces: Fields) -> None:
    """Expect a look at the network interfaces of the VPC."""
    answer = {"NetworkInterfaces": list(interfaces)}
    script.answer("ec2", "describe_network_interfaces", answer, Filters=OF_VPC)


def interface(name: str, status: str, **more: Any) -> Fields:
    """Return a network interface as EC2 describes it."""
    return {"NetworkInterfaceId": f"eni-{name}", "Status": status, "OwnerId": "123", **more}


def test_interfaces_are_deleted_when_their_users_let_them_go(script: ScriptedAws) -> None:
    of_nat = interface("nat", "in-use")
    expect_interfaces(script, of_nat, interface("a", "in-use"))
    expect_interfaces(script, of_nat, interface("a", "available"))
    script.answer("ec2", "delete_network_interface", {}, NetworkInterfaceId="eni-a")
    this = network(script)
    remove_network_interfaces(this, {"eni-nat"})
    assert [change["name"] for change in this.changes] == ["eni-a"]


def test_interfaces_that_stay_in_use_are_named_with_purpose_and_owner(script: ScriptedAws) -> None:
    cluster = interface(
        "a", "in-use", Description="Amazon EKS mlops", Attachment={"InstanceOwnerId": "amazon-eks"}
    )
    node = interface("b", "in-use", Attachment={"InstanceId": "i-1"})
    for _ in range(2):
        expect_interfaces(script, cluster, node)
    message = (
        r"network interfaces of mlops gone: not reached within 10 s\. Still in use: "
        r"eni-a \(Amazon EKS mlops, owner amazon-eks\); eni-b \(no description, owner i-1\)"
    )
    this = network(script, {"wait_timeout": 10})
    with pytest.raises(AwsTimeoutError, match=message):
        remove_network_interfaces(this, set())


def test_groups_that_name_each_other_are_parted_first(script: ScriptedAws) -> None:
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    default = {"GroupName": "default", "GroupId": "sg-0"}
    own_pair = {"GroupId": "sg-1"}
    one = {
        "GroupName": "k8s-one",
        "GroupId": "sg-1",
        "IpPermissions": [{**https, "UserIdGroupPairs": [own_pair, {"GroupId": "sg-2"}]}],
    }
    everywhere = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
    two = {"GroupName": "k8s-two", "GroupId": "sg-2", "IpPermissionsEgress": [everywhere]}
    answer = {"SecurityGroups": [default, one, two]}
    script.answer("ec2", "describe_security_groups", answer, Filters=OF_VPC)
    to_two = {**https, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}
    script.answer(
        "ec2", "revoke_security_group_ingress", {}, GroupId="sg-1", IpPermissions=[to_two]
    )
    script.answer(
        "ec2", "revoke_security_group_egress", {}, GroupId="sg-2", IpPermissions=[everywhere]
    )
    for group in ("sg-1", "sg-2"):
        script.answer("ec2", "delete_security_group", {}, GroupId=group)
    this = network(script)
    remove_security_groups(this)
    assert [change["name"] for change in this.changes] == ["k8s-one", "k8s-two"]
