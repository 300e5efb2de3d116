"""Corrections to moto's EC2."""

from __future__ import annotations

from moto.ec2 import utils


def extend() -> None:
    """Name the tags of a NAT gateway ``natgateway``, as DescribeTags does at AWS.

    Under moto's own name a search by resource type finds no tags, and a module that compares
    them reports a change on every run.
    """
    utils.EC2_PREFIX_TO_RESOURCE[utils.EC2_RESOURCE_TO_PREFIX["nat-gateway"]] = "natgateway"
