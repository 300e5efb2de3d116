"""Corrections to moto's EC2, in parts."""

from __future__ import annotations

from moto.ec2 import urls

from . import endpoints, instances, launch_templates, nat, network, tags
from .dependencies import Dependencies
from .endpoints import EndpointCalls
from .launch_templates import LaunchTemplateCalls
from .nat import NatGatewayCalls
from .network import NetworkCalls
from .tags import TagCalls


class EC2Response(
    NetworkCalls, Dependencies, EndpointCalls, LaunchTemplateCalls, NatGatewayCalls, TagCalls
):
    """moto's EC2 with the states and the refusals of AWS."""


def extend() -> None:
    """Correct the parts, and route every EC2 request to the class above."""
    for part in (endpoints, instances, launch_templates, nat, network, tags):
        part.extend()
    for path in urls.url_paths:
        urls.url_paths[path] = EC2Response.dispatch
