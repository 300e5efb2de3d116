"""HTTP: what a path and a method mean, and how the answer is sent."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from . import pods, resources, scope
from .api import APPLY_PATCH, Api, Options
from .controllers import bootstrap
from .controllers.gc import GarbageCollector
from .errors import (
    ApiError,
    FieldError,
    bad_request,
    invalid_options,
    method_not_allowed,
    unknown_resource,
)
from .kinds import to_scale
from .resources import Registry, Resource
from .storage import watch
from .storage.selectors import Predicate, number, parse_fields, parse_labels
from .storage.store import Store
from .wire import documents, media
from .writes.deletion import DeleteOptions

Object = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """What a path names: a resource, perhaps a namespace, an object, a subresource."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


class Server(ThreadingHTTPServer):
    """The API server over one store."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, log_dir: Path):
        super().__init__((address, port), Handler)
        self.api = Api(Store(), Registry())
        self.log_dir = log_dir
        self.host = f"{address}:{self.server_port}"


def serve(address: str, port: int, log_dir: Path) -> Server:
    """Return a bound server with the first objects in its store; the caller runs it."""
    server = Server(address, port, log_dir)
    bootstrap.create_all(server.api, address, server.server_port)
    GarbageCollector(server.api).start()
    return server


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        """Get, list or watch."""
        self._answer({True: "get", False: "list"})

    def do_POST(self) -> None:
        """Create."""
        self._answer({False: "create"})

    def do_PUT(self) -> None:
        """Update."""
        self._answer({True: "update"})

    def do_PATCH(self) -> None:
        """Patch or apply."""
        self._answer({True: "patch"})

    def do_DELETE(self) -> None:
        """Delete an object or a collection."""
        self._answer({True: "delete", False: "deletecollection"})

    def log_message(self, format: str, *args: Any) -> None:
        """Write no access log."""

    def _answer(self, verbs: dict[bool, str]) -> None:
        """Answer one request; `verbs` has the verb on an object (True) and on a collection."""
        self._options = Options()
        self._body_bytes = self._read_body()
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        self._query = {key: values[0] for key, values in query.items()}
        try:
            words = [unquote(word) for word in parts.path.split("/") if word]
            if len(words) > 2 and words[:2] == ["api", "v1"]:
                self._serve(self._target("", "v1", words[2:]), verbs)
            elif len(words) > 3 and words[0] == "apis":
                self._serve(self._target(words[1], words[2], words[3:]), verbs)
            elif self.command == "GET":
                accept = self.headers.get("Accept", "")
                api = self.server.api
                code, kind, body = documents.answer(words, accept, api.registry, self.server.host)
                if code == HTTPStatus.NOT_FOUND:
                    scope.refuse_path(words)
                self._send_bytes(code, kind, body)
            else:
                raise method_not_allowed()
        except ApiError as error:
            self._send(error.code, error.status())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:
            message = f"Internal error occurred: {error}"
            self._send(500, ApiError(500, "InternalError", message).status())
            raise

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # Trailers mean nothing here.
        return body

    # Paths ----------------------------------------------------------------------------------

    def _target(self, group: str, version: str, words: list[str]) -> Target:
        namespace = ""
        if words[0] == "namespaces" and len(words) > 2 and words[2] not in ("status", "finalize"):
            namespace, words = words[1], words[2:]
        resource = self.server.api.registry.find(group, version, words[0])
        scope.refuse_resource(group, version, words)
        if resource is None or len(words) > 3 or (namespace and not resource.namespaced):
            raise unknown_resource()
        name, subresource = [*words[1:], "", ""][:2]
        if subresource and subresource not in resource.subresources:
            raise unknown_resource()
        if name and resource.namespaced and not namespace:
            raise unknown_resource()
        return Target(resource, namespace, name, subresource)

    def _serve(self, target: Target, verbs: dict[bool, str]) -> None:
        resource = target.resource
        # A POST to a subresource creates something below an object.
        on_object = bool(target.name) and not (self.command == "POST" and target.subresource)
        verb = verbs.get(on_object, "")
        if verb == "list" and self._query.get("watch") in ("true", "1"):
            verb = "watch"
        if not resources.allows(resource, target.subresource, verb):
            raise method_not_allowed()
        if verb == "create" and resource.namespaced and not target.namespace:
            raise method_not_allowed()
        if verb in ("create", "update", "patch"):
            self._options = self._write_options(verb)
        getattr(self, f"_do_{verb}")(target)

    # Verbs ----------------------------------------------------------------------------------

    def _do_get(self, target: Target) -> None:
        api, resource = self.server.api, target.resource
        where = (resource, target.namespace, target.name)
        if target.subresource == "log":
            pieces = pods.log(api, *where, self._query, self.server.log_dir)
            self._send_pieces("text/plain", pieces)
        elif target.subresource == "scale":
            self._send(200, to_scale(resource, api.get(*where)))
        else:
            self._send_objects(200, resource, api.get(*where))

    def _do_list(self, target: Target) -> None:
        items, revision = self.server.api.select(
            target.resource, target.namespace, self._selected(target)
        )
        meta: Object = {"resourceVersion": str(revision)}
        start = _position(self._query.get("continue", ""))
        end = start + (number(self._query, "limit") or len(items))
        if end < len(items):
            meta["continue"] = base64.urlsafe_b64encode(str(end).encode()).decode()
            meta["remainingItemCount"] = len(items) - end
        self._send_list(target.resource, meta, items[start:end])

    def _do_watch(self, target: Target) -> None:
        _, shape = media.negotiate(self.headers.get("Accept", ""))
        include = self._query.get("includeObject", "Metadata")
        found = watch.events(
            self.server.api,
            target.resource,
            target.namespace,
            self._selected(target),
            self._query,
        )

        def lines() -> Iterable[bytes]:
            for kind, item in found:
                if kind not in ("BOOKMARK", "ERROR"):
                    item = media.shaped(target.resource, item, shape, include)
                yield media.dump({"type": kind, "object": item}, media.JSON)

        self._send_pieces(media.JSON, lines())

    def _do_create(self, target: Target) -> None:
        api, resource = self.server.api, target.resource
        body = self._body(media.BODIES)
        where = (resource, target.namespace, target.name)
        if target.subresource == "binding":
            self._send(201, pods.bind(api, *where, body, self._options))
        elif target.subresource == "eviction":
            self._send(201, pods.evict(api, *where, body))
        else:
            item = api.create(resource, target.namespace, body, self._options)
            self._send_objects(201, resource, item)

    def _do_update(self, target: Target) -> None:
        item = self.server.api.replace(
            target.resource,
            target.namespace,
            target.name,
            self._body(media.BODIES),
            self._options,
            target.subresource,
        )
        self._send_objects(200, target.resource, item)

    def _do_patch(self, target: Target) -> None:
        media_type = self._content_type()
        if media_type == APPLY_PATCH and not self._query.get("fieldManager"):
            error = FieldError.required("fieldManager", "is required for apply patch")
            raise invalid_options("PatchOptions", error)
        item, created = self.server.api.patch(
            target.resource,
            target.namespace,
            target.name,
            media_type,
            self._body,
            self._options,
            target.subresource,
        )
        self._send_objects(201 if created else 200, target.resource, item)

    def _do_delete(self, target: Target) -> None:
        answer = self.server.api.delete(
            target.resource, target.namespace, target.name, self._delete_options()
        )
        self._send_objects(200, target.resource, answer)

    def _do_deletecollection(self, target: Target) -> None:
        api = self.server.api
        selected, options = self._selected(target), self._delete_options()
        items = api.delete_collection(target.resource, target.namespace, selected, options)
        meta = {"resourceVersion": str(api.store.revision)}
        self._send_list(target.resource, meta, items)

    # Requests -------------------------------------------------------------------------------

    def _selected(self, target: Target) -> Predicate:
        labels = parse_labels(self._query.get("labelSelector", ""))
        fields = parse_fields(self._query.get("fieldSelector", ""), target.resource)
        return lambda item: labels(item) and fields(item)

    def _write_options(self, verb: str) -> Options:
        dry_run = self._query.get("dryRun", "")
        if dry_run not in ("", "All"):
            error = FieldError.unsupported("dryRun", [dry_run], ("All",))
            raise invalid_options(f"{verb.capitalize()}Options", error)
        agent = self.headers.get("User-Agent", "unknown").partition("/")[0]
        return Options(
            dry_run=bool(dry_run),
            manager=self._query.get("fieldManager") or agent[:128],
            field_validation=self._query.get("fieldValidation") or "Warn",
            force=self._query.get("force") in ("true", "1"),
        )

    def _delete_options(self) -> DeleteOptions:
        body = self._body(media.BODIES) if self._body_bytes else {}
        return DeleteOptions.parse(body, self._query)

    def _content_type(self) -> str:
        return self.headers.get("Content-Type", media.JSON).partition(";")[0].strip()

    def _body(self, accepted: tuple[str, ...]) -> Any:
        return media.read_body(self._body_bytes, self._content_type(), accepted)

    # Answers --------------------------------------------------------------------------------

    def _send_list(self, resource: Resource, meta: Object, items: list[Object]) -> None:
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
        self._send_objects(200, resource, head | {"metadata": meta, "items": items})

    def _send_objects(self, code: int, resource: Resource, item: Object) -> None:
        _, shape = media.negotiate(self.headers.get("Accept", ""))
        include = self._query.get("includeObject", "Metadata")
        self._send(code, media.shaped(resource, item, shape, include))

    def _send(self, code: int, body: Object) -> None:
        try:
            media_type, _ = media.negotiate(self.headers.get("Accept", ""))
        except ApiError:
            media_type = media.JSON  # Errors are sent even where nothing acceptable is.
        self._send_bytes(code, media_type, media.dump(body, media_type))

    def _send_bytes(self, code: int, media_type: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache, private")
        for warning in self._options.warnings:
            text = warning.replace("\\", "\\\\").replace('"', '\\"')
            self.send_header("Warning", f'299 - "{text}"')
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _send_pieces(self, media_type: str, pieces: Iterable[bytes]) -> None:
        """Send a body piece by piece, as it comes."""
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for piece in filter(None, pieces):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


def _position(token: str) -> int:
    """Return the place in the list that a continue token names."""
    try:
        return int(base64.urlsafe_b64decode(token)) if token else 0
    except ValueError as error:
        raise bad_request("continue key is not valid") from error
