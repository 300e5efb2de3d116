"""Answers to access reviews: everybody is the administrator and may do everything."""

from __future__ import annotations

from typing import Any

from .resources import Resource

_ALL = ["*"]


def answer(resource: Resource, body: Any) -> dict[str, Any]:
    """Return a review with its status filled in."""
    spec = body.get("spec", {}) if isinstance(body, dict) else {}
    status: dict[str, Any] = {"allowed": True}
    if resource.kind == "SelfSubjectReview":
        groups = ["system:masters", "system:authenticated"]
        status = {"userInfo": {"username": "admin", "groups": groups}}
    elif resource.kind == "SelfSubjectRulesReview":
        status = {
            "resourceRules": [{"verbs": _ALL, "apiGroups": _ALL, "resources": _ALL}],
            "nonResourceRules": [{"verbs": _ALL, "nonResourceURLs": _ALL}],
            "incomplete": False,
        }
    return {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {},
        "spec": spec,
        "status": status,
    }
