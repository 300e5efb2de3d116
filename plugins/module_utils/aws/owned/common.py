"""What all parts of the inventory of a platform share: whose a resource is, how it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    boto3_tag_list_to_ansible_dict,
)

from ..core import Aws, Fields

BY_TAG, BY_CLUSTER, BY_NAME, BY_VPC = "tag", "cluster", "name", "vpc"
GLOBAL = "global"
NOTHING: Mapping[str, Any] = MappingProxyType({})
# How many load balancers one call tells the tags of.
BATCH = 20


class Owner(NamedTuple):
    """Whose resources are looked for: what carries all these tags, or belongs to this cluster."""

    tags: Mapping[str, str]
    cluster: str

    @property
    def marks(self) -> dict[str, str]:
        """Return the tags by which controllers and EKS mark what they make for the cluster.

        A subnet that is only shared with the cluster has another value.
        """
        return {
            f"kubernetes.io/cluster/{self.cluster}": "owned",
            "elbv2.k8s.aws/cluster": self.cluster,
            "cluster.k8s.amazonaws.com/name": self.cluster,
            "aws:eks:cluster-name": self.cluster,
            "eks:cluster-name": self.cluster,
        }

    @property
    def tag_keys(self) -> list[str]:
        """Return the keys of the tags of which each resource looked for has at least one."""
        return [*self.tags, *self.marks]

    def claim(self, tags: Mapping[str, str]) -> str | None:
        """Return why a resource with these tags belongs to the platform, or None."""
        if self.tags.items() <= tags.items():
            return BY_TAG
        if any(tags.get(key) == value for key, value in self.marks.items()):
            return BY_CLUSTER
        return None


@dataclass(frozen=True)
class Item:
    """A resource of the platform: its type in CloudFormation's words, and why it belongs."""

    type: str
    id: str
    name: str
    why: str
    properties: Fields = field(default_factory=dict)
    region: str | None = None


class Listing(NamedTuple):
    """A call that lists resources together with their tags, and where it tells what.

    ``items``, ``id``, ``name`` and the values of ``properties`` are JMESPath expressions; the name
    is the tag C(Name) where there is one.
    """

    service: str
    method: str
    items: str
    type: str
    id: str
    name: str | None = None
    tags: str = "Tags"
    request: Mapping[str, Any] = NOTHING
    properties: Mapping[str, str] = NOTHING
    region: str | None = None


class Apart(NamedTuple):
    """A call that lists resources, and a function that tells their tags by their ids.

    ``vpc`` is the JMESPath expression of the VPC of resources that belong to its owner with it.
    """

    listing: Listing
    tags_of: Callable[[Any, list[str]], Mapping[str, Any]]
    vpc: str | None = None


def search(expression: str, data: Any) -> Any:
    """Return what a JMESPath expression finds in an answer."""
    # It comes with boto3, whose absence AnsibleAWSModule reports.
    import jmespath

    return jmespath.search(expression, data)


def pages(client: Any, method: str, items: str, **request: Any) -> Iterator[Any]:
    """Yield all that a call lists, page by page where it has pages."""
    if client.can_paginate(method):
        yield from client.get_paginator(method).paginate(**request).search(items)
    else:
        yield from search(items, getattr(client, method)(**request))


def as_mapping(tags: Any) -> dict[str, str]:
    """Return tags as a mapping, in whichever of AWS's forms they come."""
    return tags if isinstance(tags, dict) else boto3_tag_list_to_ansible_dict(tags or [])


def item_of(listing: Listing, found: Any, why: str) -> Item:
    """Return what is told of a resource."""
    identifier = str(search(listing.id, found))
    tags = as_mapping(search(listing.tags, found))
    named = tags.get("Name") or (listing.name and search(listing.name, found))
    properties = {name: search(where, found) for name, where in listing.properties.items()}
    return Item(listing.type, identifier, named or identifier, why, properties, listing.region)


def owned(aws: Aws, owner: Owner, listings: Iterable[Listing]) -> Iterator[Item]:
    """Yield the resources of these listings that belong to the owner by their tags."""
    for listing in listings:
        client = aws.client(listing.service)
        for found in pages(client, listing.method, listing.items, **listing.request):
            why = owner.claim(as_mapping(search(listing.tags, found)))
            if why:
                yield item_of(listing, found, why)


def owned_apart(
    aws: Aws, owner: Owner, aparts: Iterable[Apart], vpcs: Set[str] = frozenset()
) -> Iterator[Item]:
    """Yield the resources that belong to the owner by tags that another call tells, or by VPC."""
    for listing, tags_of, vpc in aparts:
        client = aws.client(listing.service)
        found = {
            search(listing.id, resource): resource
            for resource in pages(client, listing.method, listing.items, **listing.request)
        }
        tags = tags_of(client, list(found)) if found else {}
        for identifier, resource in found.items():
            why = owner.claim(as_mapping(tags.get(identifier)))
            if why is None and vpc and search(vpc, resource) in vpcs:
                why = BY_VPC
            if why:
                yield item_of(listing, resource, why)


def one_by_one(method: str, parameter: str, tags: str) -> Callable[[Any, list[str]], Fields]:
    """Return a function that asks for the tags of each resource by a call of its own."""

    def tags_of(client: Any, ids: list[str]) -> Fields:
        call = getattr(client, method)
        return {each: search(tags, call(**{parameter: each})) for each in ids}

    return tags_of


def in_batches(parameter: str, id_: str) -> Callable[[Any, list[str]], Fields]:
    """Return a function that asks for the tags of as many load balancers as one call takes."""

    def tags_of(client: Any, ids: list[str]) -> Fields:
        batches = (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
        return {
            described[id_]: described["Tags"]
            for batch in batches
            for described in client.describe_tags(**{parameter: batch})["TagDescriptions"]
        }

    return tags_of
