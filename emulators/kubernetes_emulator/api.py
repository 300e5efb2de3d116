"""The verbs of the API on one resource: create, get, list, replace, patch, delete.

A write decodes the body, sets defaults, lets the kind's rules complete and check the object,
keeps account of field ownership, and stores it; with dry-run it stops before the last step.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from . import kinds, schema
from .errors import (
    ApiError,
    FieldError,
    already_exists,
    bad_request,
    conflict,
    invalid,
    invalid_options,
    not_found,
)
from .resources import Registry, Resource, custom_resources, subresource_kind
from .storage.selectors import Predicate
from .storage.store import Store
from .validation import rules
from .validation.admission import check_namespace, check_pod_security
from .writes import apply, deletion, patches
from .writes.decode import Decoder
from .writes.defaults import set_defaults
from .writes.deletion import DeleteOptions

Object = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
CRD_KEY = ("apiextensions.k8s.io", "customresourcedefinitions")

# Metadata that only the server sets.
_SERVER_SET = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
)


@dataclass
class Options:
    """Query parameters of a write; `warnings` become Warning headers of the answer."""

    dry_run: bool = False
    manager: str = "unknown"
    field_validation: str = "Warn"
    force: bool = False
    warnings: list[str] = field(default_factory=list)


def timestamp(offset: float = 0) -> str:
    """Return the time `offset` seconds from now, as Kubernetes writes it."""
    return (datetime.now(UTC) + timedelta(seconds=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Api:
    """All operations on the objects of one store."""

    def __init__(self, store: Store, registry: Registry):
        self.store = store
        self.registry = registry

    # Read ----------------------------------------------------------------------------------

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Return an object; 404 when there is none."""
        item = self.store.get(resource.key, namespace, name)
        if item is None:
            raise not_found(resource, name)
        return served(resource, item)

    def select(
        self, resource: Resource, namespace: str, selected: Predicate
    ) -> tuple[list[Object], int]:
        """Return the selected objects, and the revision at which they were read."""
        with self.store.lock:
            items = self.store.objects(resource.key, namespace)
            revision = self.store.revision
        return [served(resource, item) for item in items if selected(item)], revision

    # Create --------------------------------------------------------------------------------

    def create(self, resource: Resource, namespace: str, body: Any, options: Options) -> Object:
        """Create an object and return it."""
        item = self._decode(resource, body, options)
        with self.store.lock:
            return self._create(resource, namespace, item, options)

    def _create(
        self,
        resource: Resource,
        namespace: str,
        item: Object,
        options: Options,
        applied: bool = False,
    ) -> Object:
        meta = _in_namespace(item["metadata"], namespace)
        if meta.get("resourceVersion"):
            message = "resourceVersion should not be set on objects to be created"
            raise ApiError(500, "", message)
        if not meta.get("name") and meta.get("generateName"):
            suffix = "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
            meta["name"] = meta["generateName"][:58] + suffix
        if not meta.get("name"):
            error = FieldError.required("metadata.name", "name or generateName is required")
            raise invalid(resource, "", [error])
        for name in _SERVER_SET[:-1]:
            meta.pop(name, None)
        meta |= {"uid": str(uuid4()), "creationTimestamp": timestamp()}
        item = set_defaults(item | {"metadata": meta}, resource.schema)
        check_namespace(resource, namespace, meta["name"], self.store)
        rules.check_create(resource, item)
        if self.store.get(resource.key, meta.get("namespace", ""), meta["name"]):
            raise already_exists(resource, meta["name"])
        item = kinds.on_create(resource, item, self.store)
        options.warnings += check_pod_security(resource, item, self.store)
        if not applied:
            managed = apply.track_update(
                None,
                _without_status(resource, item),
                resource.schema,
                options.manager,
                "",
                timestamp(),
            )
            item = item | {"metadata": item["metadata"] | {"managedFields": managed}}
        return self._store(resource, item, options.dry_run)

    # Update --------------------------------------------------------------------------------

    def replace(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Any,
        options: Options,
        subresource: str = "",
    ) -> Object:
        """Replace an object (or what a subresource covers of it) and return it."""
        if subresource == "scale":
            return self._scale(resource, namespace, name, lambda _: body, options)
        item = self._named(namespace, name, self._decode(resource, body, options))
        if resource.is_custom and not item["metadata"].get("resourceVersion"):
            why = "must be specified for an update"
            raise invalid(resource, name, [FieldError.invalid("metadata.resourceVersion", 0, why)])
        return self.update(resource, namespace, name, lambda _: item, options, subresource)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        media_type: str,
        read: Callable[[tuple[str, ...]], Any],
        options: Options,
        subresource: str = "",
    ) -> tuple[Object, bool]:
        """Patch an object; return it and whether it was created (server-side apply only).

        `read` returns the body, given the media types that it may have.
        """
        accepted = [JSON_PATCH, MERGE_PATCH] + ([] if resource.is_custom else [STRATEGIC_PATCH])
        body = read((*accepted, APPLY_PATCH))
        if media_type == APPLY_PATCH:
            return self._apply(resource, namespace, name, body, options, subresource)
        if options.force:
            error = FieldError.forbidden("force", "may not be specified for non-apply patch")
            raise invalid_options("PatchOptions", error)
        group, version, kind = subresource_kind(resource, subresource)
        node = schema.of_kind(group, version, kind) if subresource == "scale" else resource.schema

        def patched(target: Object) -> Object:
            if media_type == JSON_PATCH:
                return patches.json_patch(target, body)
            if not isinstance(body, dict):
                raise bad_request("error decoding patch: a patch is an object")
            if media_type == MERGE_PATCH:
                return patches.merge_patch(target, body)
            # Here a real server does not look at the kind that the patch names, and clients differ.
            head = {name: target[name] for name in ("apiVersion", "kind")}
            return patches.strategic_merge(target, body, node) | head

        if subresource == "scale":
            return self._scale(resource, namespace, name, patched, options), False

        def changed(old: Object) -> Object:
            return self._decode(resource, patched(old), options)

        return self.update(resource, namespace, name, changed, options, subresource), False

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        options: Options,
        subresource: str = "",
        applied: bool = False,
    ) -> Object:
        """Store what `change` makes of the stored object; nothing when it makes no difference."""
        with self.store.lock:
            old = self.get(resource, namespace, name)
            new = change(old)
            meta = new["metadata"]
            wanted = meta.get("resourceVersion")
            if wanted and wanted != old["metadata"]["resourceVersion"]:
                raise conflict(resource, name)
            uid, given = old["metadata"]["uid"], meta.get("uid")
            if given and given != uid:
                message = f"UID in precondition: {given}, UID in object meta: {uid}"
                raise conflict(resource, name, f"Precondition failed: {message}")
            new = set_defaults(_carried_over(resource, old, new, subresource), resource.schema)
            new = kinds.on_update(resource, old, new, self.store)
            rules.check_update(resource, old, new, subresource)
            if _intent(resource, new) != _intent(resource, old):
                options.warnings += check_pod_security(resource, new, self.store)
            if not applied:
                managed = apply.track_update(
                    old, new, resource.schema, options.manager, subresource, timestamp()
                )
                new = new | {"metadata": new["metadata"] | {"managedFields": managed}}
            if kinds.has_generation(resource, new) and _intent(resource, new) != _intent(
                resource, old
            ):
                new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
            if _without_times(new) == _without_times(old):
                return old
            return self._store(resource, new, options.dry_run)

    def _scale(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Any],
        options: Options,
    ) -> Object:
        def changed(old: Object) -> Object:
            scale = change(kinds.to_scale(resource, old))
            if not isinstance(scale, dict) or scale.get("kind", "Scale") != "Scale":
                raise bad_request("the body is not a Scale")
            replicas = scale.get("spec", {}).get("replicas", 0)
            if not isinstance(replicas, int) or replicas < 0:
                error = FieldError.invalid(
                    "spec.replicas", replicas, "must be greater than or equal to 0"
                )
                raise invalid(resource, name, [error])
            wanted = scale.get("metadata", {}).get("resourceVersion")
            new = kinds.with_replicas(resource, old, replicas)
            version = {"resourceVersion": wanted} if wanted else {}
            return new | {"metadata": new["metadata"] | version}

        item = self.update(resource, namespace, name, changed, options, "scale")
        return kinds.to_scale(resource, item)

    def _apply(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Any,
        options: Options,
        subresource: str,
    ) -> tuple[Object, bool]:
        if not isinstance(body, dict):
            raise bad_request("error decoding YAML: an apply patch is an object")
        if "managedFields" in (body.get("metadata") or {}):
            raise bad_request("metadata.managedFields must be nil")
        config = self._named(namespace, name, self._decode(resource, body, options, typed=True))
        if subresource == "status":
            config = {k: v for k, v in config.items() if k != "spec"}
        elif kinds.has_status(resource):
            config = _without_status(resource, config)

        def applied(live: Object | None) -> Object:
            return apply.apply(
                live,
                config,
                resource.schema,
                options.manager,
                subresource,
                options.force,
                timestamp(),
            )

        with self.store.lock:
            if not self.store.get(resource.key, namespace, name):
                if subresource:
                    raise not_found(resource, name)
                return self._create(resource, namespace, applied(None), options, applied=True), True
            item = self.update(
                resource, namespace, name, applied, options, subresource, applied=True
            )
            return item, False

    # Delete --------------------------------------------------------------------------------

    def delete(
        self, resource: Resource, namespace: str, name: str, options: DeleteOptions
    ) -> Object:
        """Delete an object, or mark it where it may not go yet; return the answer's body."""
        with self.store.lock:
            item = self.get(resource, namespace, name)
            meta = item["metadata"]
            _check_delete_precondition(resource, name, "UID", options.uid, meta["uid"])
            version = meta["resourceVersion"]
            _check_delete_precondition(
                resource, name, "ResourceVersion", options.resource_version, version
            )
            marked = deletion.marked(resource, item, options, timestamp)
            if not deletion.may_go(resource, marked):
                return self._store(resource, marked, options.dry_run) if marked != item else item
            if not options.dry_run:
                marked = self._remove(resource, marked)
            return deletion.answer(resource, marked)

    def delete_collection(
        self, resource: Resource, namespace: str, selected: Predicate, options: DeleteOptions
    ) -> list[Object]:
        """Delete the selected objects and return them."""
        with self.store.lock:
            items, _ = self.select(resource, namespace, selected)
            for item in items:
                meta = item["metadata"]
                self.delete(resource, meta.get("namespace", ""), meta["name"], options)
        return items

    # Common steps ---------------------------------------------------------------------------

    def _named(self, namespace: str, name: str, item: Object) -> Object:
        """Return an object with the name and namespace of the URL; 400 when it has others."""
        given = item["metadata"].get("name", name)
        if given != name:
            raise bad_request(
                f"the name of the object ({given}) does not match the name on the URL ({name})"
            )
        return item | {"metadata": _in_namespace(item["metadata"], namespace) | {"name": name}}

    def _decode(
        self, resource: Resource, body: Any, options: Options, typed: bool = False
    ) -> Object:
        """Return the body as an object of the resource's kind; 400 when it is none.

        `typed` refuses unknown fields whatever the options say, as server-side apply does.
        """
        if not isinstance(body, dict):
            raise bad_request("couldn't get version/kind; the body is not an object")
        version = body.get("apiVersion") or resource.api_version
        kind = body.get("kind") or resource.kind
        if kind != resource.kind:
            short = version.rpartition("/")[2]
            raise bad_request(
                f'{kind} in version "{short}" cannot be handled as a {resource.kind}: converting '
                f"({short}.{kind}) to ({resource.group.partition('.')[0] or 'core'}."
                f"{resource.kind}): unknown conversion"
            )
        if version != resource.api_version:
            raise bad_request(
                f"the API version in the data ({version}) does not match the expected API version "
                f"({resource.api_version})"
            )
        decoder = Decoder(resource.kind, resource.version, resource.is_custom)
        item = decoder.decode(body, resource.schema)
        if decoder.unknown and typed:
            where = f"{body['metadata'].get('namespace', '')}/{body['metadata'].get('name', '')}"
            raise ApiError(
                500,
                "",
                f"failed to create typed patch object ({where}; {resource.api_version}, "
                f"Kind={resource.kind}): .{decoder.unknown[0]}: field not declared in schema",
            )
        fields = [f'unknown field "{path}"' for path in decoder.unknown]
        if fields and options.field_validation == "Strict":
            raise bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a '
                f"{resource.kind}: strict decoding error: {', '.join(fields)}"
            )
        if options.field_validation == "Warn":
            options.warnings.extend(fields)
        item |= {"apiVersion": resource.api_version, "kind": resource.kind}
        return item | {"metadata": dict(item.get("metadata", {}))}

    def keep(self, resource: Resource, item: Object) -> Object:
        """Store an object as it is, or remove it when nothing holds it any longer."""
        return self._store(resource, item, dry_run=False)

    def _store(self, resource: Resource, item: Object, dry_run: bool) -> Object:
        """Store an object, or remove it when nothing holds it any longer."""
        if dry_run:
            return item
        if "deletionTimestamp" in item["metadata"] and deletion.may_go(resource, item):
            return self._remove(resource, item)
        item = self.store.put(resource.key, item)
        if resource.key == CRD_KEY:
            spec = item["spec"]
            self.registry.put_custom(spec["group"], spec["names"]["plural"], custom_resources(item))
        return item

    def _remove(self, resource: Resource, item: Object) -> Object:
        if resource.key == CRD_KEY:
            spec = item["spec"]
            for custom in custom_resources(item)[:1]:
                for row in self.store.objects(custom.key):
                    self.store.remove(custom.key, row)
            self.registry.put_custom(spec["group"], spec["names"]["plural"], [])
        return self.store.remove(resource.key, item)


def served(resource: Resource, item: Object) -> Object:
    """Return a stored object in the version of `resource`."""
    if item["apiVersion"] == resource.api_version:
        return item
    return item | {"apiVersion": resource.api_version}


def _check_delete_precondition(
    resource: Resource, name: str, label: str, wanted: str, found: str
) -> None:
    if wanted and wanted != found:
        happened = "deleted and then recreated" if label == "UID" else "modified"
        message = (
            f"the {label} in the precondition ({wanted}) does not match the {label} in record "
            f"({found}). The object might have been {happened}"
        )
        raise conflict(resource, name, message, named=resource.kind)


def _in_namespace(meta: Object, namespace: str) -> Object:
    """Return a copy of metadata in the namespace of the request; 400 when it names another."""
    given = meta.get("namespace", "")
    if given and namespace and given != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    rest = {key: value for key, value in meta.items() if key != "namespace"}
    return rest | ({"namespace": namespace} if namespace else {})


def _without_status(resource: Resource, item: Object) -> Object:
    if not kinds.has_status(resource):
        return item
    return {key: value for key, value in item.items() if key != "status"}


def _carried_over(resource: Resource, old: Object, new: Object, subresource: str) -> Object:
    """Return `new` with what this request may not change taken from `old`."""
    meta = {k: v for k, v in new["metadata"].items() if k not in _SERVER_SET}
    meta |= {key: old["metadata"][key] for key in _SERVER_SET if key in old["metadata"]}
    meta["resourceVersion"] = old["metadata"]["resourceVersion"]
    if "managedFields" not in meta and "managedFields" in old["metadata"]:
        meta["managedFields"] = old["metadata"]["managedFields"]
    if subresource == "status":
        kept = {key: value for key, value in old.items() if key != "status"}
        labels = {k: meta[k] for k in ("labels", "annotations", "managedFields") if k in meta}
        rest = {
            k: v
            for k, v in old["metadata"].items()
            if k not in ("labels", "annotations", "managedFields")
        }
        if resource.is_custom:
            rest, labels = old["metadata"], {"managedFields": meta.get("managedFields", [])}
        status = {"status": new["status"]} if "status" in new else {}
        return kept | {"metadata": rest | labels} | status
    result = new | {"metadata": meta}
    if subresource == "binding" or not kinds.has_status(resource):
        return result
    status = {"status": old["status"]} if "status" in old else {}
    return _without_status(resource, result) | status


def _intent(resource: Resource, item: Object) -> Object:
    """Return the part of an object whose changes metadata.generation counts."""
    intent = {k: v for k, v in item.items() if k not in ("metadata", "status")}
    if resource.kind == "Deployment":  # Its annotations are copied to its ReplicaSets.
        intent["annotations"] = item["metadata"].get("annotations")
    return intent


def _without_times(item: Object) -> Object:
    """Return an object without the times of its managedFields, which alone are no change."""
    meta = item["metadata"]
    rows = [{k: v for k, v in e.items() if k != "time"} for e in meta.get("managedFields", [])]
    return item | {"metadata": meta | {"managedFields": rows}}
