"""Filters: what modules have told, as findings of the doctor: each with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
Finding = dict[str, Any]


def process_findings(processes: Sequence[Result], advice: Mapping[str, str]) -> list[Finding]:
    """Return the finding of each process of local_processes_info; advice is by its state.

    What a process logged last explains only how it came to be silent, or to its end.
    """
    return [
        {
            **process,
            "log": [] if process["state"] in ("absent", "other") else process["log"],
            "part": process["name"],
            "well": process["state"] == "running",
            "advice": advice.get(process["state"], "").format(**process),
        }
        for process in processes
    ]


def program_findings(results: Sequence[Result]) -> list[Finding]:
    """Return the finding of each command of a loop over programs.

    The item has the program's ``name``, ``advice``, and where just one output is right, ``wanted``
    with ``found``, which says what that means.
    """
    findings = []
    for result in results:
        item = result["item"]
        said = (result.get("stdout") or result.get("stderr") or result.get("msg") or "").strip()
        well = result.get("rc") == 0 and item.get("wanted", said) == said
        last = said.splitlines()[-1] if result.get("rc") != 0 and said else said.split("\n")[0]
        found = item.get("found", last) if well else item.get("otherwise", "{}").format(last)
        findings.append(
            {"part": item["name"], "well": well, "found": found, "advice": item["advice"]}
        )
    return findings


def address_findings(
    ways: Sequence[Result], behind: Sequence[Result], ill: Sequence[str] = ()
) -> list[Finding]:
    """Return the finding of each address: the way to it, and what the cluster has behind it.

    Args:
        ways: results of reachability_info, of a loop over items with the address's ``part``.
        behind: results of kubernetes_service_info of the same loop.
        ill: parts that are not well and that the addresses stand on; they come first.
    """
    findings = [address_finding(way, service) for way, service in zip(ways, behind, strict=True)]
    if ill:
        first = f"nothing here before {', '.join(ill)}: when that is well, ask the doctor again"
        findings = [finding | {"advice": first} for finding in findings]
    return findings


def address_finding(way: Result, service: Result) -> Finding:
    """Return the finding of one address; where no cluster was asked, the way tells alone."""
    asked = "well" in service
    well = way["well"] and service.get("well", True)
    if well:
        found = f"{way['item']['url']} answers"
        if asked:
            ready = sum(endpoint["ready"] for endpoint in service["endpoints"])
            found += f", and has {ready} ready endpoint{'' if ready == 1 else 's'} behind it"
    else:
        found = f"{way['item']['url']}: {'; '.join(step['found'] for step in way['steps'])}"
        if asked:
            found += f". Behind it: {service['found']}"
    return {
        "part": way["item"]["part"],
        "well": well,
        "found": found,
        "advice": address_advice(service),
        "log": service.get("log", []),
        "log_file": "its pod",
    }


def address_advice(service: Result) -> str:
    """Say what to do about an address that is not well, by what is behind it."""
    if service.get("replace"):
        return f"`{service['replace']}` has it started anew; if that does not help, read its log"
    if service.get("well"):
        return (
            "its pods are well, so look at what brings requests to them: the node agent of a "
            "local stack, or at AWS kubectl port-forward, or the load balancer"
        )
    return "ansible-playbook site.yml, once what it stands on is well"


class FilterModule:
    """Offer the filters to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "process_findings": process_findings,
            "program_findings": program_findings,
            "address_findings": address_findings,
        }
