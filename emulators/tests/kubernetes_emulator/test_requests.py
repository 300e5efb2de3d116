"""Requests and documented answers (`requests.yml`), asked of the emulator or of a real cluster.

KUBERNETES_TABLE_KUBECONFIG names a kubeconfig: then the table is asked of that cluster.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

_CASES = yaml.safe_load(Path(__file__).with_name("requests.yml").read_text())
_KUBECONFIG = "KUBERNETES_TABLE_KUBECONFIG"
_ABSENT = "<absent>"
_PATIENCE_SECONDS = 30.0

Send = Callable[..., tuple[int, dict[str, str], str]]


@pytest.fixture(scope="module")
def send(request: pytest.FixtureRequest) -> Send:
    """Return a function that sends one request, with the cluster's credentials."""
    if path := os.environ.get(_KUBECONFIG):
        api = config.new_client_from_config(path)
    else:
        url = request.getfixturevalue("api_server")
        api = client.ApiClient(client.Configuration(host=url))

    def call(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        signed: dict[str, str] = dict(headers)
        api.update_params_for_auth(signed, [], ["BearerToken"], path, method, body)
        url = api.configuration.host + path
        answer = api.rest_client.pool_manager.request(
            method, url, body=body, headers=signed, timeout=60
        )
        return answer.status, dict(answer.headers), answer.data.decode()

    return call


@pytest.fixture
def names(send: Send) -> Iterator[dict[str, str]]:
    """Yield the names of a case: a fresh namespace, and a name that no other run has."""
    unique = f"table-{uuid.uuid4().hex[:8]}"
    head = {"Content-Type": "application/json"}
    body = json.dumps({"metadata": {"name": unique}}).encode()
    assert send("POST", "/api/v1/namespaces", body, head)[0] == 201
    account = f"/api/v1/namespaces/{unique}/serviceaccounts/default"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while send("GET", account, None, {})[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    yield {"ns": unique, "id": unique}
    send("DELETE", f"/api/v1/namespaces/{unique}", None, {})


def _filled(value: Any, names: dict[str, str]) -> Any:
    """Return a value of the table with every {name} replaced."""
    if isinstance(value, dict):
        return {key: _filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, names) for item in value]
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda m: names.get(m[1], m[0]), value)
    return value


def _difference(wanted: Any, found: Any, path: str = "") -> str:
    """Return where `found` does not contain what is wanted; empty when it does."""
    if wanted == _ABSENT:
        return f"{path} is there: {found!r}" if found is not None else ""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return f"{path} is {found!r}, not a mapping"
        rows = (_difference(w, found.get(k), f"{path}.{k}") for k, w in wanted.items())
        return next(filter(None, rows), "")
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return f"{path} is {found!r}, not {len(wanted)} items"
        pairs = enumerate(zip(wanted, found, strict=True))
        rows = (_difference(w, f, f"{path}[{i}]") for i, (w, f) in pairs)
        return next(filter(None, rows), "")
    if isinstance(wanted, str) and wanted.startswith("~"):
        matched = found is not None and re.search(wanted[1:], str(found), re.DOTALL)
        return "" if matched else f"{path} is {found!r}, not {wanted}"
    return "" if wanted == found else f"{path} is {found!r}, not {wanted!r}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ask(send: Send, step: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    method, _, path = step["request"].partition(" ")
    headers = {"Accept": step.get("accept", "application/json")}
    body = step["raw"].encode() if "raw" in step else None
    if "body" in step:
        body = json.dumps(step["body"]).encode()
    if body is not None:
        headers["Content-Type"] = step.get("type", "application/json")
    code, found, text = send(method, path, body, headers)
    if "events" in step:
        return code, found, [json.loads(line) for line in text.splitlines()]
    return code, found, _parsed(text)


def _settled(send: Send, step: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    """Ask once, or again until what `until` says is there, which controllers may bring about."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = _ask(send, step)
        until = step.get("until")
        reached = (
            answer[0] == until if isinstance(until, int) else not _difference(until, answer[2])
        )
        if until is None or reached or time.monotonic() > deadline:
            return answer
        time.sleep(0.05)


@pytest.mark.parametrize("case", _CASES, ids=[case["case"] for case in _CASES])
def test_answers_as_documented(case: dict[str, Any], send: Send, names: dict[str, str]) -> None:
    """Every step of a case is answered as Kubernetes documents it."""
    for raw in case["steps"]:
        step = _filled(raw, names)
        code, headers, body = _settled(send, step)
        where = f"{step['request']} (from {case['from']})"
        assert code == step["code"], f"{where}: {body}"
        different = _difference(step["answer"], body) if "answer" in step else ""
        assert not different, f"{where}: {different}"
        if "warning" in step:
            assert step["warning"] in headers.get("Warning", "").replace('\\"', '"'), where
        left = list(step.get("events", []))
        for event in body if left else []:
            if left and not _difference(left[0], event):
                left.pop(0)
        assert not left, f"{where}: no event {left[0]} in {body}"
        for name, path in step.get("save", {}).items():
            value = body
            for word in path.split("."):
                value = value[word]
            names[name] = value


def test_the_table_is_long_enough() -> None:
    """The emulator's likeness rests on this table: it may not shrink unseen."""
    assert sum(len(case["steps"]) for case in _CASES) >= 200
