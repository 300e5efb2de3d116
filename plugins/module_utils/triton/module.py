"""What all modules that talk to Triton do: connect, ask, and end with one clear sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..reachability import told
from .client import (
    SERVER,
    Address,
    SetupError,
    TritonClient,
    TritonError,
    UnansweredError,
)
from .golden import GoldenError
from .http import HttpClient


def connect(params: dict[str, Any]) -> TritonClient:
    """Return the client for the address that a module was given.

    Raises:
        SetupError: the options cannot be right, or a Python package is missing.
    """
    address = Address.of(params)
    if address.parts.scheme in ("http", "https"):
        return HttpClient(address)
    try:
        from .grpc import (
            GrpcClient,
        )
    except ImportError as error:
        raise SetupError(missing_required_lib("tritonclient[grpc]")) from error
    return GrpcClient(address)


def run_module(
    function: Callable[[TritonClient, dict[str, Any], bool], dict[str, Any]],
    options: dict[str, Any],
    **rules: Any,
) -> None:
    """Run a module: connect to the server, call the function, and end with what comes of it.

    Args:
        function: takes client, parameters and check mode, and returns the module's result.
        options: the module's own options, beside those of SERVER.
        rules: further arguments of AnsibleModule.
    """
    module = AnsibleModule(argument_spec={**SERVER, **options}, supports_check_mode=True, **rules)
    about = f"{module.params['model']}: " if "model" in options else ""
    try:
        client = connect(module.params)
        try:
            result = function(client, module.params, module.check_mode)
        except UnansweredError as error:
            steps = client.way()
            module.fail_json(
                msg=f"{about}{error}. {told(steps)}", steps=[asdict(step) for step in steps]
            )
    except (TritonError, GoldenError, OSError) as error:
        module.fail_json(msg=f"{about}{error}", **getattr(error, "details", {}))
    module.exit_json(**result)
