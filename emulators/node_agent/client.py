"""The Kubernetes API over HTTP: requests, and list + watch which resumes and lists again on 410."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import kubernetes.client
import kubernetes.config
import urllib3

from .objects import Object

log = logging.getLogger(__name__)

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
WATCH_SECONDS = 540
RETRY_SECONDS = 1.0


class ApiError(Exception):
    """The API server refused a request; ``status`` is the HTTP status, 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Resource:
    """Where objects of a kind live in the API."""

    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of an object, or of the collection without a name."""
        root = "/api/" if "/" not in self.api_version else "/apis/"
        scope = ["namespaces", namespace] if self.namespaced and namespace else []
        parts = [self.api_version, *scope, self.plural, name, subresource]
        return root + "/".join(part for part in parts if part)


class Client:
    """One API server, found and authenticated as the kubeconfig says. Threads may share it."""

    def __init__(self, kubeconfig: Path) -> None:
        self.configuration = kubernetes.client.Configuration()
        kubernetes.config.load_kube_config(str(kubeconfig), client_configuration=self.configuration)
        self.configuration.connection_pool_maxsize = 64
        api = kubernetes.client.ApiClient(self.configuration)
        self._http: urllib3.PoolManager = api.rest_client.pool_manager
        self._closed = threading.Event()

    def _send(
        self, method: str, path: str, body: Any, content_type: str, timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        settings: Any = self.configuration.auth_settings()
        for setting in settings.values():
            headers[setting["key"]] = setting["value"]
        try:
            return self._http.request(
                method,
                self.configuration.host + path,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                preload_content=False,
                timeout=timeout,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, str(error)) from error

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> Object:
        """Send one request and return the decoded answer; raise ApiError when it is refused."""
        response = self._send(method, path, body, content_type, urllib3.Timeout(30))
        try:
            data = response.data
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, str(error)) from error
        if response.status >= 400:
            try:
                message = json.loads(data)["message"]
            except (ValueError, KeyError, TypeError):
                message = data.decode(errors="replace")
            raise ApiError(response.status, message)
        return json.loads(data) if data else {}

    def close(self) -> None:
        """End the watches as soon as they next hear from the server."""
        self._closed.set()

    def watch(self, resource: Resource) -> Iterator[tuple[str, Any]]:
        """Yield ("LIST", list) first and after each interruption, and then single events.

        Events are ("ADDED" | "MODIFIED" | "DELETED", object). Ends only after ``close``.
        """
        since = ""
        while not self._closed.is_set():
            try:
                if not since:
                    answer = self.request("GET", resource.path())
                    since = answer["metadata"]["resourceVersion"]
                    yield "LIST", answer
                for kind, obj in self._stream(resource, since):
                    since = obj["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        yield kind, obj
            except ApiError as error:
                since = ""
                if error.status != 410:
                    log.warning("watching %s: %s", resource.plural, error)
                    self._closed.wait(RETRY_SECONDS)

    def _stream(self, resource: Resource, since: str) -> Iterator[tuple[str, Object]]:
        query = {
            "watch": "1",
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": WATCH_SECONDS,
        }
        timeout = urllib3.Timeout(connect=10, read=WATCH_SECONDS + 60)
        path = f"{resource.path()}?{urlencode(query)}"
        response = self._send("GET", path, None, "application/json", timeout)
        buffered = b""
        try:
            if response.status != 200:
                raise ApiError(response.status, response.data.decode(errors="replace"))
            for chunk in response.stream():
                *lines, buffered = (buffered + chunk).split(b"\n")
                for line in filter(None, lines):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise ApiError(status.get("code", 500), status.get("message", ""))
                    yield event["type"], event["object"]
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, str(error)) from error
        finally:
            response.close()
