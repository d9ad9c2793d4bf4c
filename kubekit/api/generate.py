"""Makes `data/schema/<group>.<version>.json` from the facts of the API and the Go types of the same release.

Run by hand when the reference release changes: `python -m kubekit.api.generate api-schema.json
staging/src/k8s.io pkg/apis`. The published schema tells types, required fields, defaults and patch keys;
the Go types add what JSON decoding depends on: the order of fields, `omitempty`, pointers, and the type
names that stand in error messages. One small file a group version, so that a program that touches only pods
parses only the core types. The numbers that fields have in protobuf go to a file of their own, read only
when such a body comes.

A field is `[type, flags, more]`. Types read like Go's: `*int32`, `[]@core.v1.Container`,
`map[string]Quantity`, `{v1.RestartPolicy}string` (a named type and what it is made of). Flags: `o`
omitempty, `z` omitzero. Nothing here runs when kubekit runs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_PREFIXES = {
    "io.k8s.api.": "api/{}/types.go",
    "io.k8s.apimachinery.pkg.apis.": "apimachinery/pkg/apis/{}/types.go",
    "io.k8s.apiextensions-apiserver.pkg.apis.": "apiextensions-apiserver/pkg/apis/{}/types.go",
    "io.k8s.kube-aggregator.pkg.apis.": "kube-aggregator/pkg/apis/{}/types.go",
}
_SPECIAL = {
    "k8s.io/apimachinery/pkg/api/resource.Quantity": "Quantity",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "IntOrString",
    "k8s.io/apimachinery/pkg/apis/meta/v1.Time": "Time",
    "k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime": "MicroTime",
    "k8s.io/apimachinery/pkg/apis/meta/v1.Duration": "Duration",
    "k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1": "Raw",
    "k8s.io/apimachinery/pkg/runtime.RawExtension": "Raw",
    "k8s.io/apimachinery/pkg/runtime.Object": "Raw",
}
_NAMED_ELSEWHERE = {
    "k8s.io/apimachinery/pkg/types.UID": "{types.UID}string",
    "k8s.io/apimachinery/pkg/types.NodeName": "{types.NodeName}string",
}
_JSON_TYPES = ("JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray")
_BASIC = ("string", "bool", "int32", "int64", "uint8", "uint32", "float64", "int", "uint16", "uint64")


class _Package:
    """The type declarations of one Go package."""

    def __init__(self, folder: Path, path: str) -> None:
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self.structs: dict[str, list[tuple[str, str, str]]] = {}
        self.named: dict[str, str] = {}
        self.imports: dict[str, str] = {}
        for file in sorted(folder.glob("*.go")):
            if (
                file.name.startswith(("types", "micro_time", "time", "duration", "intstr"))
                and "_test" not in file.name
            ):
                self._read(file.read_text(encoding="utf-8"))

    def _read(self, text: str) -> None:
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for alias, path in re.findall(r'^(?:import)?[ \t]*(\w+)?[ \t]*"([\w./-]+)"$', text, flags=re.M):
            self.imports[alias or path.rsplit("/", 1)[-1]] = path
        text = re.sub(r"//[^\n]*", "", text)
        for name, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", text, flags=re.M | re.S):
            fields = re.findall(
                r"^[ \t]*(?:(\w+)[ \t]+)?([\w.*\[\]]+)[ \t]*(?:`([^`]*)`)?[ \t]*$", body, flags=re.M
            )
            self.structs[name] = [(field, kind, tag) for field, kind, tag in fields]
        for name in re.findall(r"^type (\w+) struct ?\{\}", text, flags=re.M):
            self.structs[name] = []
        for name, kind in re.findall(r"^type (\w+) =? ?([\w.*\[\]]+)\s*$", text, flags=re.M):
            self.named[name] = kind


class Generator:
    """Reads Go packages on demand and writes types as described above."""

    def __init__(self, schema: dict[str, Any], source: Path) -> None:
        self.schema = schema
        self.source = source
        self.packages: dict[str, _Package] = {}

    def package(self, path: str) -> _Package:
        if path not in self.packages:
            relative = path.removeprefix("k8s.io/")
            self.packages[path] = _Package(self.source / relative, path)
        return self.packages[path]

    @staticmethod
    def key(path: str, name: str) -> str:
        """`core.v1.Pod` for a Go package and type."""
        group, version = path.rsplit("/", 2)[-2:]
        return f"{group}.{version}.{name}"

    def expression(self, package: _Package, kind: str) -> str:
        """A Go type in the notation of the data files."""
        for prefix in ("*", "[]"):
            if kind.startswith(prefix):
                if kind == "[]byte":
                    return "bytes"
                return prefix + self.expression(package, kind[len(prefix) :])
        if kind.startswith("map["):
            inner, depth = kind[4:], 1
            for position, char in enumerate(inner):
                depth += (char == "[") - (char == "]")
                if not depth:
                    return f"map[{self.expression(package, inner[:position])}]" + self.expression(
                        package, inner[position + 1 :]
                    )
        if kind in _BASIC:
            return kind
        path, name = package.path, kind
        if "." in kind:
            alias, name = kind.split(".")
            path = package.imports[alias]
        full = f"{path}.{name}"
        if full in _SPECIAL:
            return _SPECIAL[full]
        if full in _NAMED_ELSEWHERE:
            return _NAMED_ELSEWHERE[full]
        if name in _JSON_TYPES and "apiextensions" in path:
            return f"Json:{name}"
        other = self.package(path)
        if name in other.structs:
            return "@" + self.key(path, name)
        if name in other.named:
            return f"{{{other.name}.{name}}}" + self.expression(other, other.named[name])
        raise KeyError(full)

    def fields(self, package: _Package, name: str) -> dict[str, list[Any]]:
        """JSON name -> [type, flags] of a struct, embedded structs unfolded in place."""
        found: dict[str, list[Any]] = {}
        for _, kind, tag in package.structs[name]:
            json_tag = re.search(r'json:"([^"]*)"', tag)
            if json_tag is None:
                continue
            label, *options = json_tag.group(1).split(",")
            if "inline" in options or (not label and not options):
                path, inner = package.path, kind
                if "." in kind:
                    alias, inner = kind.split(".")
                    path = package.imports[alias]
                found.update(self.fields(self.package(path), inner))
                continue
            if label == "-":
                continue
            flags = ("o" if "omitempty" in options else "") + ("z" if "omitzero" in options else "")
            found[label] = [self.expression(package, kind), flags]
        return found

    def write(self, folder: Path) -> None:
        """Writes all files."""
        files: dict[str, dict[str, Any]] = {}
        kinds: dict[str, str] = {}
        for full, facts in self.schema.items():
            prefix = next((one for one in _PREFIXES if full.startswith(one)), None)
            if prefix is None or ("properties" not in facts and facts != {"type": "object"}):
                continue
            group, version, name = full.removeprefix(prefix).rsplit(".", 2)
            base = _PREFIXES[prefix].format(f"{group}/{version}").removesuffix("/types.go")
            package = self.package(f"k8s.io/{base}")
            if name not in package.structs or full.rsplit(".", 1)[-1] in ("FieldsV1", "Patch"):
                continue
            fields = self.fields(package, name)
            if set(fields) != set(facts.get("properties", ())):
                print("fields differ:", full, set(fields) ^ set(facts.get("properties", ())))
            required = set(facts.get("required", ()))
            for label, entry in fields.items():
                if label in required:
                    entry[1] += "r"
                more = dict(facts.get("properties", {}).get(label, {}))
                for dull in ("type", "ref", "items", "values", "format"):
                    more.pop(dull, None)
                if more.get("default") in ("", 0, {}):
                    more.pop("default")
                if more:
                    entry.append(more)
            described: dict[str, Any] = {"fields": fields}
            for extra in ("map-type", "unions"):
                if extra in facts:
                    described[extra] = facts[extra]
            files.setdefault(f"{group}.{version}", {})[name] = described
            if prefix != "io.k8s.apimachinery.pkg.apis.":
                for one in facts.get("gvk", ()):
                    api_version = f"{one['group']}/{one['version']}" if one["group"] else one["version"]
                    kinds[f"{api_version} {one['kind']}"] = f"{group}.{version}.{name}"
        folder.mkdir(parents=True, exist_ok=True)
        for stem, types in files.items():
            (folder / f"{stem}.json").write_text(
                json.dumps(types, separators=(",", ":")) + "\n", encoding="utf-8"
            )
        (folder / "kinds.json").write_text(json.dumps(kinds, separators=(",", ":")) + "\n", encoding="utf-8")


class ProtobufNumbers:
    """Writes `protobuf.json`: for each structure the names of its fields by number.

    A field that is embedded in JSON but a message of its own in protobuf (the source of a volume) has the
    structure's name, `@core.v1.VolumeSource`, in place of a field's.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.found: dict[str, dict[str, str]] = {}

    def _add(self, path: str, name: str) -> None:
        """Add a structure and what it refers to."""
        key = self.generator.key(path, name)
        package = self.generator.package(path)
        if key in self.found or name not in package.structs:
            return
        numbers = self.found[key] = {}
        for _, kind, tag in package.structs[name]:
            number = re.search(r'protobuf:"\w+,(\d+)', tag)
            json_tag = re.search(r'json:"([^"]*)"', tag)
            inner = kind.lstrip("*[]").rpartition("]")[2]
            where, _, short = inner.rpartition(".")
            home = package.imports.get(where, path) if where else path
            if home.startswith("k8s.io/") and self.generator.package(home).structs.get(short) is not None:
                self._add(home, short)
            if number is None or json_tag is None:
                continue
            label = json_tag[1].split(",")[0]
            numbers[number[1]] = label or f"@{self.generator.key(home, short)}"

    def write(self, folder: Path) -> None:
        """Go through every structure that was read, and write the file."""
        for path, package in list(self.generator.packages.items()):
            for name in package.structs:
                self._add(path, name)
        found = {key: numbers for key, numbers in sorted(self.found.items()) if numbers}
        text = json.dumps(found, separators=(",", ":")) + "\n"
        (folder / "protobuf.json").write_text(text, encoding="utf-8")


class InternalGenerator:
    """Writes `internal.json`: for each internal type its fields as [Go name, type, key in the API form].

    Error texts print internal types, so their field names, order and nesting must be known. An embedded
    structure has no Go name and an empty key: its fields stand in the outer one.
    """

    def __init__(self, generator: Generator, source: Path) -> None:
        self.generator = generator
        self.source = source
        self.packages: dict[str, _Package] = {}

    def package(self, group: str) -> _Package:
        if group not in self.packages:
            self.packages[group] = _Package(self.source / group, f"k8s.io/kubernetes/pkg/apis/{group}")
        return self.packages[group]

    def expression(self, group: str, kind: str) -> str:
        """A type: `*`, `[]`, `map` before `@core.PodSpec`, `string`, `bool`, `number`, `Quantity`, `any`."""
        if kind == "[]byte":
            return "any"
        for prefix in ("*", "[]"):
            if kind.startswith(prefix):
                return prefix + self.expression(group, kind[len(prefix) :])
        if found := re.fullmatch(r"map\[[\w.]+\](.*)", kind):
            return "map" + self.expression(group, found[1])
        if kind in ("string", "bool"):
            return kind
        if kind in _BASIC:
            return "number"
        name, package = kind, self.package(group)
        if "." in kind:
            alias, name = kind.split(".")
            path = package.imports.get(alias, "")
            if path.endswith("api/resource"):
                return "Quantity"
            if path.endswith("util/intstr"):
                return "IntOrString"
            if not path.startswith("k8s.io/kubernetes/pkg/apis/"):
                return "string" if path.endswith("pkg/types") else "any"
            group = path.rsplit("/", 1)[-1]
            package = self.package(group)
        if name in package.structs:
            return f"@{group}.{name}"
        if name in package.named:
            return self.expression(group, package.named[name])
        return "any"

    def write(self, groups: list[str], folder: Path) -> None:
        """Reads the groups' internal types and writes the file."""
        found: dict[str, list[list[str]]] = {}
        for group in groups:
            package = self.package(group)
            for name, fields in package.structs.items():
                found[f"{group}.{name}"] = [self._field(group, name, *one[:2]) for one in fields]
        text = json.dumps(found, separators=(",", ":")) + "\n"
        (folder / "internal.json").write_text(text, encoding="utf-8")

    def _field(self, group: str, struct: str, field: str, kind: str) -> list[str]:
        if not field:
            return ["", self.expression(group, kind), "metadata" if kind.endswith("ObjectMeta") else ""]
        return [field, self.expression(group, kind), self._key(group, struct, field)]

    def _key(self, group: str, struct: str, field: str) -> str:
        """The JSON name of the field of the same Go name in the served version."""
        version = "v2" if group == "autoscaling" else "v1"
        served = self.generator.package(f"k8s.io/api/{group}/{version}")
        for name, kind, tag in served.structs.get(struct, ()):
            json_name = re.search(r'json:"([^",]*)', tag)
            if name == field and json_name:
                return json_name[1]
            if not name and any(one == field for one, _, _ in served.structs.get(kind, ())):
                return self._key(group, kind, field)
        return field[0].lower() + field[1:]


def main(arguments: list[str]) -> None:
    """Arguments: the facts file, the folder with `api/core/v1/types.go`, the folder `pkg/apis`."""
    schema = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    folder = Path(__file__).parent / "data" / "schema"
    generator = Generator(schema, Path(arguments[1]))
    generator.write(folder)
    ProtobufNumbers(generator).write(folder)
    groups = ["core", "apps", "batch", "networking", "policy", "autoscaling", "storage", "rbac", "discovery",
              "resource"]  # fmt: skip
    InternalGenerator(generator, Path(arguments[2])).write(groups, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
