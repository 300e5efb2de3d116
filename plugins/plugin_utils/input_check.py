"""Check a role's variables: names and types by its argument specification, and its rules."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError

Option = Mapping[str, Any]
Evaluate = Callable[[str, Mapping[str, Any]], Any]

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
ALLOWED = {
    "str": 'text; a number must be quoted, such as "1.34"',
    "path": "a path",
    "int": "a whole number, such as 3",
    "float": "a number, such as 0.5",
    "bool": "true or false",
    "list": "a list, on the command line as JSON, such as -e '{\"%s\": [...]}'",
    "dict": "a mapping, on the command line as JSON, such as -e '{\"%s\": {...}}'",
}


class RefusedError(Exception):
    """A value of the wrong type; the message is the sentence to show."""


def check(
    options: Mapping[str, Option],
    rules: Iterable[Mapping[str, Any]],
    read: Callable[[str], Any],
    evaluate: Evaluate,
) -> list[str]:
    """Return a sentence for each value that is refused; ``read`` gives the value of an option.

    Rules are only looked at once all types are right. They see numbers as numbers, also those that
    were given as text, as the command line gives them.
    """
    values, found = {}, []
    for name, option in options.items():
        try:
            values[name] = cast(name, read(name), option)
        except RefusedError as error:
            found.append(str(error))
        except AnsibleError:
            # What is made of a value that was refused may fail.
            if not found:
                raise
    if found:
        return found
    for rule in rules:
        for name in names_of(rule):
            seen = values | {"given": values[name]}
            if not evaluate(rule["valid"], seen):
                why = f": {evaluate(rule['why'], seen)}" if rule.get("why") else ""
                allowed = " ".join(rule["allowed"].split())
                found.append(sentence(name, values[name], allowed, options[name]) + why)
    return found


def names_of(rule: Mapping[str, Any]) -> Sequence[str]:
    """Return the variables that a rule is about, each of which is looked at alone."""
    return [rule["name"]] if isinstance(rule["name"], str) else rule["name"]


def sentence(name: str, value: Any, allowed: str, option: Option) -> str:
    """Say what was given and what is allowed; a secret is not shown."""
    if option.get("no_log"):
        return f"{name} must be {allowed}; what was given is a secret and is not shown"
    return f"{name} is {json.dumps(value, default=str)}, but must be {allowed}"


def cast(name: str, value: Any, option: Option) -> Any:
    """Return a value in the type of its option, with all that is in it.

    Raises:
        RefusedError: it has another type, or is none of the choices.
    """
    kind = option.get("type", "str")
    if not fits(value, kind):
        allowed = ALLOWED[kind].replace("%s", name.partition("[")[0].partition(".")[0])
        raise RefusedError(sentence(name, value, allowed, option))
    if kind == "list":
        inner = {**option, "type": option.get("elements", "raw")}
        return [cast(f"{name}[{index}]", item, inner) for index, item in enumerate(value)]
    if kind == "dict":
        return cast_mapping(name, value, option) if "options" in option else value
    if isinstance(value, str) and kind in CASTS:
        value = CASTS[kind](value)
    choices = option.get("choices")
    if choices and value not in choices:
        allowed = f"one of {', '.join(map(str, choices))}"
        raise RefusedError(sentence(name, value, allowed, option))
    return value


def cast_mapping(name: str, value: Mapping[str, Any], option: Option) -> dict[str, Any]:
    """Return a mapping whose keys are specified.

    Raises:
        RefusedError: a key is missing or unknown, or its value has another type.
    """
    known: Mapping[str, Option] = option["options"]
    required = [key for key, inner in known.items() if inner.get("required")]
    missing = [key for key in required if key not in value]
    unknown = [key for key in value if key not in known]
    if missing or unknown:
        wrong = f"without {', '.join(missing)}" if missing else f"with {', '.join(unknown)}"
        keys = ", ".join(f"{key} (required)" if key in required else key for key in known)
        allowed = f"a mapping of {keys}"
        raise RefusedError(f"{sentence(name, value, allowed, option)}; it is {wrong}")
    return {key: cast(f"{name}.{key}", item, known[key]) for key, item in value.items()}


def fits(value: Any, kind: str) -> bool:
    """Tell whether a value has a type, or is text that reads as a number or a truth value."""
    if kind == "raw":
        return True
    if kind in ("str", "path"):
        return isinstance(value, str)
    if kind == "list":
        return isinstance(value, list | tuple)
    if kind == "dict":
        return isinstance(value, Mapping)
    if kind == "bool":
        return isinstance(value, bool) or (isinstance(value, str) and value.lower() in BOOLEANS)
    if isinstance(value, str):
        return readable(value, kind)
    numbers = int if kind == "int" else int | float
    return isinstance(value, numbers) and not isinstance(value, bool)


def readable(text: str, kind: str) -> bool:
    """Tell whether text reads as a number."""
    if kind == "int":
        return WHOLE_NUMBER.fullmatch(text) is not None
    try:
        float(text)
    except ValueError:
        return False
    return True


CASTS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": lambda text: BOOLEANS[text.lower()],
}


def unknown_names(
    role: str, options: Iterable[str], results: Iterable[str], variables: Iterable[str]
) -> list[str]:
    """Return a sentence for each variable that begins as the role's do and is none of them."""
    known = [*options, *results]
    found = []
    for name in sorted(set(variables) - set(known)):
        if name.startswith(f"{role}_"):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            found.append(f"{name} is not a variable of the role {role}{hint}")
    return found
