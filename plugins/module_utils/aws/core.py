"""What the AWS modules of this collection share: clients that retry, waiting, comparing."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

from ..changes import (
    changes_of,
    differences,
)
from .credentials import (
    credentials_advice,
)

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

Fields = dict[str, Any]
Found = TypeVar("Found")

STATE_OPTION = {"state": {"choices": ["present", "absent"], "default": "present"}}
WAIT_OPTIONS = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 1800},
    "poll_interval": {"type": "int", "default": 10},
}
TAG_OPTIONS = {
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
}


class AwsError(Exception):
    """A refusal or a failure; ``details`` become part of what the module returns."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class AwsTimeoutError(AwsError):
    """What was waited for did not come in time."""


@dataclass(frozen=True)
class Aws:
    """The account as a module sees it: clients by service name, check mode, and patience.

    ``wait_timeout`` and ``poll_interval`` are in seconds.
    """

    client: Callable[[str], Any]
    check_mode: bool = False
    wait: bool = True
    wait_timeout: float = 1800
    poll_interval: float = 10
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until(self, probe: Callable[[], Found | None], goal: str) -> Found:
        """Return the first answer of ``probe`` that is not None.

        Raises:
            AwsTimeoutError: there was none within ``wait_timeout``; the message names the goal.
        """
        deadline = self.clock() + self.wait_timeout
        while (found := probe()) is None:
            if self.clock() >= deadline:
                raise AwsTimeoutError(f"{goal}: not reached within {self.wait_timeout} s")
            self.sleep(self.poll_interval)
        return found


class Resource(ABC):
    """One resource at AWS, which ``converge`` makes what a module's options say.

    ``view`` and ``wanted`` name their fields as the module names its options. ``kind`` is the key
    of the module's result, ``type`` is CloudFormation's word for such a resource.
    """

    kind: ClassVar[str]
    type: ClassVar[str]

    def __init__(self, aws: Aws, params: Fields) -> None:
        self.aws = aws
        self.params = params

    @abstractmethod
    def names(self) -> Fields:
        """Return what names the resource: all that is known of one that does not exist yet."""

    @abstractmethod
    def find(self) -> Fields | None:
        """Return the resource as AWS describes it, or None where there is none."""

    @abstractmethod
    def view(self, current: Fields) -> Fields:
        """Return the fields of a resource that the module can manage."""

    @abstractmethod
    def wanted(self, view: Fields) -> Fields:
        """Return the fields that the options set; the view is empty where there is no resource."""

    @abstractmethod
    def create(self, wanted: Fields) -> Fields:
        """Create the resource, and return it as AWS describes it."""

    @abstractmethod
    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Change these fields of the resource, and return it as AWS describes it."""

    @abstractmethod
    def delete(self, current: Fields) -> None:
        """Delete the resource."""


def converge(resource: Resource) -> Fields:
    """Create, update or delete a resource, and report it; check mode only looks."""
    return converge_found(resource, resource.find())


def converge_found(resource: Resource, current: Fields | None) -> Fields:
    """Do the same to a resource that ``find`` has already returned."""
    write = not resource.aws.check_mode
    what = Planned(resource.kind, resource.type, "/".join(resource.names().values()))
    if resource.params["state"] == "absent":
        if current and write:
            resource.delete(current)
        return report(what, {}, resource.names() if current else {}, {})

    view = resource.view(current) if current else {}
    wanted = resource.wanted(view)
    before = {field: view[field] for field in wanted} if current else {}
    changed = differences(before, wanted)
    if current is None and write:
        current = resource.create(wanted)
    elif current and changed and write:
        current = resource.update(current, before, wanted, changed)
    return report(what, current or resource.names(), before, wanted)


def run_module(module: AnsibleAWSModule, ensure: Callable[[Aws, Fields], Fields]) -> None:
    """Call ``ensure`` with the account and the module's options, and report what it returns."""
    # AnsibleAWSModule has already reported a missing boto3 by now.
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            # Throttled and transient failures are tried again, with jittered backoff.
            retries = Config(retries={"mode": "standard", "max_attempts": 10})
            clients[service] = module.client(service, config=retries)
        return clients[service]

    patience = {name: module.params[name] for name in WAIT_OPTIONS if name in module.params}
    try:
        result = ensure(Aws(client, module.check_mode, **patience), module.params)
    except AwsError as failure:
        module.fail_json(msg=str(failure), **failure.details)
    except (BotoCoreError, ClientError) as error:
        if advice := credentials_advice(error):
            module.fail_json(msg=advice)
        module.fail_json_aws(error)
    # A module that only reads has no difference to show.
    diff = result.pop("diff", None)
    module.exit_json(**result, **({"diff": diff} if diff is not None and module._diff else {}))


class Planned(NamedTuple):
    """How a result and a plan call a resource: see ``Resource``."""

    kind: str
    type: str
    name: str


def report(what: Planned, resource: Fields, before: Fields, after: Fields) -> Fields:
    """Return a module's result: what is there now (or would be), and the difference made."""
    return {
        "changed": before != after,
        "changes": changes_of(what.type, what.name, before, after),
        what.kind: in_snake_case(resource),
        "diff": {"before": before, "after": after},
    }


def in_snake_case(resource: Fields) -> Fields:
    """Return a resource as a module returns it; tags and labels keep their names."""
    snake_case: Fields = camel_dict_to_snake_dict(resource, ignore_list=["tags", "labels"])
    return snake_case


def report_all(key: str, kind: str, results: Mapping[str, Fields]) -> Fields:
    """Return the results of several resources of a kind, by name, as one, which lists them."""
    return {
        "changed": any(result["changed"] for result in results.values()),
        "changes": [change for result in results.values() for change in result["changes"]],
        key: [result[kind] for result in results.values() if result[kind]],
        "diff": {
            side: {name: result["diff"][side] for name, result in results.items()}
            for side in ("before", "after")
        },
    }


def listed(client: Any, method: str, key: str, **request: Any) -> list[Any]:
    """Return all that a paginated call lists under a key."""
    pages = client.get_paginator(method).paginate(**request)
    return [item for page in pages for item in page[key]]


def given(**fields: Any) -> Fields:
    """Return the fields that have a value: an option that is not set is not managed."""
    return {name: value for name, value in fields.items() if value is not None}


def sorted_or_none(values: Iterable[str] | None) -> list[str] | None:
    """Return values for which order means nothing in a fixed order."""
    return None if values is None else sorted(values)


def tags_after(current: Mapping[str, str], params: Fields) -> dict[str, str] | None:
    """Return all the tags that the resource is to have; None leaves them alone."""
    if params["tags"] is None:
        return None
    added, removed = compare_aws_tags(current, params["tags"], params["purge_tags"])
    kept = {key: value for key, value in current.items() if key not in removed}
    return {**kept, **{key: str(value) for key, value in added.items()}}


def tag_changes(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the tags to set and the keys to remove on the way from ``before`` to ``after``."""
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    return changed, sorted(set(before) - set(after))
