"""Dotted JSON keys: paths to the leaves of the settings, and what the shape says of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from codebutler.settings.parts import Section
from codebutler.settings.shape import Settings

KeyPath: TypeAlias = tuple[str, ...]
"""JSON keys from the top, such as ("models", "pm", "pool", "kimi")."""


def dotted(path: KeyPath) -> str:
    """The path as people write it."""
    return ".".join(path)


def split(key: str) -> KeyPath:
    """The path of a dotted key. What follows a free name (a pool's entry) may hold dots itself."""
    parts = key.split(".")
    if parts[:3] == ["models", "pm", "pool"] and len(parts) > 3:
        return (*parts[:3], ".".join(parts[3:]))
    return tuple(parts)


def flatten(tree: Mapping[str, Any], above: KeyPath = ()) -> dict[KeyPath, Any]:
    """Every leaf of nested JSON objects; lists are leaves, empty objects are nothing."""
    found: dict[KeyPath, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found.update(flatten(value, (*above, key)))
        else:
            found[*above, key] = value
    return found


def nest(leaves_of: Mapping[KeyPath, Any]) -> dict[str, Any]:
    """The opposite of ``flatten``."""
    tree: dict[str, Any] = {}
    for path, value in leaves_of.items():
        branch = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = value
    return tree


def fields_of(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a section by their JSON keys."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that a field holds, or that each value of its mapping is; None for a plain value."""
    kinds = get_args(field.annotation) if get_origin(field.annotation) is dict else (field.annotation,)
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def _is_mapping(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is dict


def field_at(path: KeyPath) -> FieldInfo:
    """What the shape says of a leaf. KeyError when there is no such key."""
    section: type[Section] = Settings
    rest = list(path)
    while rest:
        field = fields_of(section)[rest.pop(0)]
        inner = section_of(field)
        if _is_mapping(field) and rest:
            rest.pop(0)
        if not rest and inner is None:
            return field
        if inner is None:
            break
        section = inner
    raise KeyError(dotted(path))


def is_secret(path: KeyPath) -> bool:
    """Whether a leaf holds a secret."""
    return SecretStr in get_args(field_at(path).annotation)


def repo_may_set(path: KeyPath) -> bool:
    """Whether a repo's own file may set a leaf."""
    extra = field_at(path).json_schema_extra
    return isinstance(extra, dict) and extra.get("repo") is True


def documented(
    section: type[BaseModel] = Settings, above: KeyPath = ()
) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Every key there is, free names written as ``<name>``."""
    for key, field in fields_of(section).items():
        path = (*above, key, "<name>") if _is_mapping(field) else (*above, key)
        inner = section_of(field)
        if inner is None:
            yield path, field
        else:
            yield from documented(inner, path)


def leaves(section: BaseModel, above: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every leaf of a filled section with its value."""
    for name, field in type(section).model_fields.items():
        path, value = (*above, field.alias or name), getattr(section, name)
        values = {(*path, k): v for k, v in value.items()} if isinstance(value, dict) else {path: value}
        for inner_path, inner in values.items():
            if isinstance(inner, BaseModel):
                yield from leaves(inner, inner_path)
            else:
                yield inner_path, inner


def within(name: str, held: Sequence[str]) -> list[str]:
    """The people of one entry of ``access`` whom the host's list lets in, too: U7 at one door is U7."""
    if "anyone" in held or name in held or name.partition(":")[2] in held:
        return [name]
    return list(held) if name == "anyone" else [entry for entry in held if entry.partition(":")[2] == name]
