"""AWS as a script of expected calls and their answers, with a clock that never waits."""

from __future__ import annotations

from typing import Any, Self

import boto3
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Aws
from botocore.stub import Stubber


class ScriptedAws:
    """Takes each service's calls in the order given, with just these parameters, and no others."""

    def __init__(self) -> None:
        self.clients: dict[str, Any] = {}
        self.stubs: dict[str, Stubber] = {}
        self.now = 0.0

    def stub(self, service: str) -> Stubber:
        """Return the stub of a service, made at its first use."""
        if service not in self.stubs:
            self.clients[service] = boto3.client(
                service,
                region_name="eu-west-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
            self.stubs[service] = Stubber(self.clients[service])
            self.stubs[service].activate()
        return self.stubs[service]

    def client(self, service: str) -> Any:
        """Return the client of a service; one that the script does not name takes no call."""
        self.stub(service)
        return self.clients[service]

    def answer(self, service: str, method: str, answer: dict[str, Any], **expected: Any) -> None:
        """Expect a call with these parameters, and answer it."""
        self.stub(service).add_response(method, answer, expected)

    def refuse(self, service: str, method: str, code: str, message: str = "") -> None:
        """Expect a call, and answer it with an error."""
        self.stub(service).add_client_error(method, code, message)

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now += seconds

    def aws(self, **options: Any) -> Aws:
        """Return what the functions under test take."""
        return Aws(self.client, clock=lambda: self.now, sleep=self.sleep, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Fail unless every expected call was made."""
        if error is None:
            for stub in self.stubs.values():
                stub.assert_no_pending_responses()
