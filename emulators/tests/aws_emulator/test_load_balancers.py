"""Each correction to moto's load balancers, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


def interfaces(ec2: Any, vpc: str) -> dict[str, list[str]]:
    """Return the subnets of the network interfaces in a VPC by their descriptions."""
    found = ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    placed: dict[str, list[str]] = {}
    for interface in found["NetworkInterfaces"]:
        assert interface["RequesterManaged"]
        placed.setdefault(interface["Description"], []).append(interface["SubnetId"])
    return {description: sorted(subnets) for description, subnets in placed.items()}


def test_load_balancers_stand_in_their_subnets(
    ec2: Any, client: Callable[[str], Any], subnets: list[str]
) -> None:
    elbv2, elb = client("elbv2"), client("elb")
    vpc = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="lb", Description="lb", VpcId=vpc)["GroupId"]
    create = elbv2.create_load_balancer
    (alb,) = create(Name="mlops-alb", Subnets=subnets, SecurityGroups=[group], Scheme="internal")[
        "LoadBalancers"
    ]
    (nlb,) = create(Name="mlops-nlb", Subnets=subnets[:1], Type="network")["LoadBalancers"]
    assert (alb["Type"], nlb["Scheme"]) == ("application", "internet-facing")
    assert ":loadbalancer/net/mlops-nlb/" in nlb["LoadBalancerArn"]
    elb.create_load_balancer(
        LoadBalancerName="mlops-clb",
        Listeners=[{"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}],
        Subnets=subnets[1:],
        SecurityGroups=[group],
    )
    names = {each["LoadBalancerName"]: each["LoadBalancerArn"] for each in (alb, nlb)}
    described = {f"ELB {arn.partition(':loadbalancer/')[2]}": arn for arn in names.values()}
    app, net = described
    assert interfaces(ec2, vpc) == {
        app: sorted(subnets),
        net: subnets[:1],
        "ELB mlops-clb": subnets[1:],
    }
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    gateway = {"InternetGatewayId": internet, "VpcId": vpc}
    ec2.attach_internet_gateway(**gateway)
    in_use = "DependencyViolation"
    check_refusals(
        ec2,
        [
            ("delete_security_group", {"GroupId": group}, in_use, "dependent object"),
            ("delete_subnet", {"SubnetId": subnets[0]}, in_use, "has dependencies"),
            ("detach_internet_gateway", gateway, in_use, "mapped public"),
        ],
    )
    for arn in names.values():
        elbv2.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_load_balancer(LoadBalancerName="mlops-clb")
    assert interfaces(ec2, vpc) == {}
    ec2.detach_internet_gateway(**gateway)
    ec2.delete_internet_gateway(InternetGatewayId=internet)
    ec2.delete_security_group(GroupId=group)
