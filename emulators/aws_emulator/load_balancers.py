"""Corrections to moto's load balancers: their network interfaces, names and kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from moto.core.request import Request
from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_ip
from moto.elb import responses as elb_responses
from moto.elb import urls as elb_urls
from moto.elb.models import elb_backends
from moto.elbv2 import responses as elbv2_responses
from moto.elbv2 import urls as elbv2_urls
from moto.elbv2.models import elbv2_backends

from .ec2.interfaces import make_interface

OWN = "ELB "


class Place(NamedTuple):
    """A load balancer in one of its subnets, as its network interface says it."""

    description: str
    subnet_id: str
    kind: str
    groups: list[str]
    public: bool


def places(account: str, region: str) -> Iterator[Place]:
    """Yield where load balancers stand, in each of their subnets."""
    balancer: Any
    for balancer in elbv2_backends[account][region].load_balancers.values():
        kind = "network_load_balancer" if balancer.type == "network" else "interface"
        name = OWN + balancer.arn.partition(":loadbalancer/")[2]
        public = balancer.scheme != "internal"
        for subnet in balancer.subnets:
            yield Place(name, subnet.id, kind, balancer.security_groups, public)
    for balancer in elb_backends[account][region].load_balancers.values():
        public = balancer.scheme != "internal"
        for subnet_id in balancer.subnets or []:
            groups = balancer.security_groups or []
            yield Place(OWN + balancer.name, subnet_id, "interface", groups, public)


def place_interfaces(account: str, region: str) -> None:
    """Give each load balancer a network interface in each of its subnets, and end all others."""
    ec2: Any = ec2_backends[account][region]
    wanted = {(place.description, place.subnet_id): place for place in places(account, region)}
    for interface in list(ec2.enis.values()):
        if interface.requester_managed and interface.description.startswith(OWN):
            place = wanted.pop((interface.description, interface.subnet.id), None)
            if place:
                interface._group_set = [
                    ec2.get_security_group_from_id(group) for group in place.groups
                ]
            else:
                del ec2.enis[interface.id]
    for place in wanted.values():
        make_interface(
            ec2,
            place.subnet_id,
            place.description,
            place.kind,
            place.groups,
            random_ip() if place.public else None,
        )


class ELBResponse(elb_responses.ELBResponse):
    """moto's classic load balancers with network interfaces."""

    def call_action(self) -> Any:
        """Let the network interfaces follow the call."""
        answer = super().call_action()
        if not self._get_action().startswith("Describe"):
            place_interfaces(self.current_account, self.region)
        return answer


class ELBV2Response(elbv2_responses.ELBV2Response):
    """moto's other load balancers with network interfaces."""

    def call_action(self) -> Any:
        """Let the network interfaces follow the call."""
        answer = super().call_action()
        if not self._get_action().startswith("Describe"):
            place_interfaces(self.current_account, self.region)
        return answer

    def create_load_balancer(self) -> ActionResult:
        """Fill in the defaults, and name the kind in the ARN."""
        answer = super().create_load_balancer()
        balancers: Any = self.elbv2_backend.load_balancers
        arn, balancer = list(balancers.items())[-1]
        balancer.scheme = balancer.scheme or "internet-facing"
        balancer.type = balancer.type or "application"
        if balancer.type == "network":
            balancer.arn = arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
            balancers[balancer.arn] = balancers.pop(arn)
        return answer


def dispatch_by_version(request: Request, *rest: Any) -> Any:
    """Route a request for a load balancer; both kinds have the same host, and differ in version."""
    classic = request.values.get("Version") == "2012-06-01"
    return (ELBResponse if classic else ELBV2Response).dispatch(request, *rest)


def extend() -> None:
    """Route every request for load balancers to the classes above."""
    for urls in (elb_urls, elbv2_urls):
        for path in urls.url_paths:
            urls.url_paths[path] = dispatch_by_version
