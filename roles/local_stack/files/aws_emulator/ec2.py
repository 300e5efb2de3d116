"""Corrections to moto's EC2, in parts."""

from __future__ import annotations

from moto.ec2 import urls

from aws_emulator import ec2_endpoints, ec2_instances, ec2_nat, ec2_network, ec2_tags, ec2_templates
from aws_emulator.ec2_dependencies import Dependencies
from aws_emulator.ec2_endpoints import EndpointCalls
from aws_emulator.ec2_nat import NatGatewayCalls
from aws_emulator.ec2_network import NetworkCalls
from aws_emulator.ec2_tags import TagCalls
from aws_emulator.ec2_templates import LaunchTemplateCalls


class EC2Response(
    NetworkCalls, Dependencies, EndpointCalls, LaunchTemplateCalls, NatGatewayCalls, TagCalls
):
    """moto's EC2 with the states and the refusals of AWS."""


def extend() -> None:
    """Correct the parts, and route every EC2 request to the class above."""
    for part in (ec2_endpoints, ec2_instances, ec2_nat, ec2_network, ec2_tags, ec2_templates):
        part.extend()
    for path in urls.url_paths:
        urls.url_paths[path] = EC2Response.dispatch
