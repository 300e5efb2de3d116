"""Corrections to moto's KMS: keys by their ARNs, and keys that wait for their deletion."""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms import urls
from moto.kms.responses import KmsResponse

# What KMS refuses for a key that is pending deletion.
REFUSED = {
    "CreateAlias",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
}


class KMSResponse(KmsResponse):
    """moto's KMS, in which every call takes the ARN of a key."""

    def _get_param(self, param_name: str, if_none: Any = None) -> Any:
        """Return a parameter; of the ARN of a key only its id, by which moto keeps the key."""
        value = super()._get_param(param_name, if_none)
        if param_name in ("KeyId", "TargetKeyId") and isinstance(value, str):
            value = self.kms_backend.get_key_id(value)
            self.check_state(value)
        return value

    def check_state(self, key_id: str) -> None:
        """Refuse to change a key that is pending deletion."""
        key = self.kms_backend.keys.get(key_id)
        pending = key is not None and key.key_state == "PendingDeletion"
        if key and pending and self._get_action() in REFUSED:
            raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")

    def schedule_key_deletion(self) -> str:
        """Answer with the ARN of the key and its state."""
        window = super()._get_param("PendingWindowInDays", 30)
        if not 7 <= window <= 30:
            message = "PendingWindowInDays must be between 7 and 30 (inclusive)."
            raise JsonRESTError("ValidationException", message)
        answer = json.loads(super().schedule_key_deletion())
        key = self.kms_backend.keys[answer["KeyId"]]
        return json.dumps(
            {
                **answer,
                "KeyId": key.arn,
                "KeyState": key.key_state,
                "PendingWindowInDays": window,
            }
        )


def extend() -> None:
    """Route every request for keys to the class above."""
    for path in urls.url_paths:
        urls.url_paths[path] = KMSResponse.dispatch
