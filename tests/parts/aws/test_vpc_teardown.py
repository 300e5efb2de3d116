"""The network of a VPC against the emulated AWS: interrupted and torn down."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    AwsTimeoutError,
    Fields,
)
from support.network_account import (
    EVERYTHING,
    READS,
    ZONES,
    Account,
    Client,
    writes,
)


class Stop(BaseException):
    """The run ends here, as by a signal."""


@pytest.fixture
def account(client: Client, emulator: Emulator, roles: dict[str, str]) -> Iterator[Account]:
    account = Account(client, emulator)
    yield account
    account.run(state="absent")


def interrupt(account: Account, number: int, **options: Any) -> bool:
    """Run the module until the answer to its n-th call that writes is lost.

    Returns whether it got that far.
    """
    countdown = itertools.count(1)

    def stop(model: Any, **_event: Any) -> None:
        if not model.name.startswith(READS) and next(countdown) == number:
            raise Stop

    clients = [account.client(service) for service in ("ec2", "logs")]
    for client in clients:
        client.meta.events.register("after-call", stop)
    try:
        account.run(**options)
    except Stop:
        return True
    finally:
        for client in clients:
            client.meta.events.unregister("after-call", stop)
    return False


def test_teardown_has_the_order_of_aws(account: Account) -> None:
    account.run(**EVERYTHING)
    calls = writes(account.calls(lambda: account.run(state="absent")))
    assert [call for call, _ in itertools.groupby(calls)] == [
        "DeleteVpcEndpoints",
        "DeleteNatGateway",
        "ReleaseAddress",
        "DeleteFlowLogs",
        "DeleteSecurityGroup",
        "DeleteSubnet",
        "DeleteRouteTable",
        "DeleteEgressOnlyInternetGateway",
        "DetachInternetGateway",
        "DeleteInternetGateway",
        "DeleteVpc",
        "DeleteLogGroup",
    ]


def test_interrupted_after_any_call_it_converges(account: Account) -> None:
    # One zone has a resource of every kind; more would only take longer.
    build: Fields = {**EVERYTHING, "zones": ZONES[:1], "interface_endpoints": ["sts"]}
    writing = len(writes(account.calls(lambda: account.run(**build))))
    complete = account.everything()
    deleting = len(writes(account.calls(lambda: account.run(state="absent"))))
    assert writing > deleting > len(complete)
    for number in range(1, writing + 1):
        assert interrupt(account, number, **build)
        account.run(**build)
        assert account.everything() == complete, number
        assert not account.run(check_mode=True, **build)["changed"], number

        assert interrupt(account, number, state="absent") == (number <= deleting)
        account.run(state="absent")
        assert not account.run(check_mode=True, state="absent")["changed"], number


def test_what_controllers_left_goes_first(account: Account) -> None:
    result = account.run()
    vpc = result["vpc"]["vpc_id"]
    subnets = [subnet["subnet_id"] for subnet in result["subnets"]]
    ec2, elbv2, elb = account.client("ec2"), account.client("elbv2"), account.client("elb")
    groups = [
        ec2.create_security_group(GroupName=f"k8s-{name}", Description="k8s", VpcId=vpc)["GroupId"]
        for name in ("traffic", "backend")
    ]
    for group, other in (groups, reversed(groups)):
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
        pairs = {"UserIdGroupPairs": [{"GroupId": other}, {"GroupId": group}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**rule, **pairs}])
    balancer = elbv2.create_load_balancer(
        Name=account.name, Subnets=subnets[::2], SecurityGroups=groups[:1]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    targets = elbv2.create_target_group(Name=account.name, Protocol="HTTP", Port=80, VpcId=vpc)
    target = targets["TargetGroups"][0]["TargetGroupArn"]
    elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )
    listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}
    elb.create_load_balancer(
        LoadBalancerName=account.name, Listeners=[listener], Subnets=subnets[:1]
    )
    ec2.create_network_interface(SubnetId=subnets[0], Description="aws-K8S-i-0123")

    plan = account.run(check_mode=True, state="absent")
    end = account.run(state="absent")
    assert end["changes"] == plan["changes"]
    assert [change["type"] for change in end["changes"][:4]] == [
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::ElasticLoadBalancing::LoadBalancer",
        "AWS::EC2::NetworkInterface",
    ]
    assert not account.run(state="absent")["changed"]


def test_load_balancers_and_groups_of_other_vpcs_stay(
    account: Account, client: Client, emulator: Emulator
) -> None:
    other = Account(client, emulator)
    result = other.run()
    ec2, elbv2 = client("ec2"), client("elbv2")
    vpc, subnets = result["vpc"]["vpc_id"], [subnet["subnet_id"] for subnet in result["subnets"]]
    elbv2.create_load_balancer(Name=other.name, Subnets=subnets[::2])
    ec2.create_security_group(GroupName="k8s", Description="k8s", VpcId=vpc)
    before = other.everything()

    account.run()
    account.run(state="absent")

    assert other.everything() == before
    assert elbv2.describe_load_balancers(Names=[other.name])["LoadBalancers"]
    other.run(state="absent")


def test_network_interfaces_in_use_are_named_and_nothing_is_torn_down(account: Account) -> None:
    subnet = account.run()["subnets"][0]["subnet_id"]
    ec2 = account.client("ec2")
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)
    instance_id = instance["Instances"][0]["InstanceId"]
    (interface,) = instance["Instances"][0]["NetworkInterfaces"]
    start = account.now
    complete = account.everything()

    with pytest.raises(AwsTimeoutError, match="Still in use") as caught:
        account.run(state="absent")

    assert account.now - start >= 1800
    assert f"{interface['NetworkInterfaceId']} (" in str(caught.value)
    assert f"owner {instance_id})" in str(caught.value)
    assert account.everything() == complete
    ec2.terminate_instances(InstanceIds=[instance_id])
