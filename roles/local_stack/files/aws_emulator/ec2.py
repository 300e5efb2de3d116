"""Corrections to moto's EC2."""

from __future__ import annotations

from moto.ec2 import urls, utils

from aws_emulator import ec2_instances, ec2_nat, ec2_subnets
from aws_emulator.ec2_dependencies import Dependencies
from aws_emulator.ec2_endpoints import EndpointCalls
from aws_emulator.ec2_nat import NatGatewayCalls
from aws_emulator.ec2_subnets import SubnetCalls


class EC2Response(Dependencies, EndpointCalls, NatGatewayCalls, SubnetCalls):
    """moto's EC2 with the states and the refusals of AWS."""


def extend() -> None:
    """Route every EC2 request to the class above.

    The tags of a NAT gateway are named ``natgateway``, as DescribeTags does at AWS. Under moto's
    own name a search by resource type finds no tags, and a module that compares them reports a
    change on every run.
    """
    utils.EC2_PREFIX_TO_RESOURCE[utils.EC2_RESOURCE_TO_PREFIX["nat-gateway"]] = "natgateway"
    ec2_instances.extend()
    ec2_nat.extend()
    ec2_subnets.extend()
    for path in urls.url_paths:
        urls.url_paths[path] = EC2Response.dispatch
