"""Corrections to moto's CloudWatch Logs: retention of log groups."""

from __future__ import annotations

from typing import Any

from moto.logs import urls
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.responses import LogsResponse as MotoResponse

DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)
YEARS = (2192, 2557, 2922, 3288, 3653)


class LogsResponse(MotoResponse):
    """moto's CloudWatch Logs with the refusals of AWS."""

    def named_group(self) -> Any:
        """Return the log group that the request names."""
        groups = self.logs_backend.groups
        name = self._get_param("logGroupName") or self._get_param("resourceIdentifier", "")
        name = name.rpartition(":log-group:")[2].removesuffix(":*")
        if name not in groups:
            raise ResourceNotFoundException()
        return groups[name]

    def put_retention_policy(self) -> str:
        """Refuse days that CloudWatch Logs does not offer."""
        self.named_group()
        days = self._get_param("retentionInDays")
        if days not in DAYS + YEARS:
            offered = ", ".join(map(str, DAYS + YEARS))
            raise InvalidParameterException(
                constraint=f"Member must satisfy enum value set: [{offered}]",
                parameter="retentionInDays",
                value=days,
            )
        return super().put_retention_policy()


def extend() -> None:
    """Route every request for logs to the class above."""
    for path in urls.url_paths:
        urls.url_paths[path] = LogsResponse.dispatch
