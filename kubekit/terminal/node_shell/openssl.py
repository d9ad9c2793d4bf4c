"""openssl: a key, a request for a certificate, and what a certificate says - as much as a new user needs.

    openssl genrsa -out anna.key 2048
    openssl req -new -key anna.key -subj "/O=web-team/CN=anna" -out anna.csr
    openssl x509 -in anna.crt -noout -subject -issuer

Keys come from the machine's own chance, so no two runs make the same ones: nothing here prints them.
Source: OpenSSL 3.0.19, apps/genrsa.c, apps/req.c, apps/x509.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.terminal.node_shell.shell import Run

BITS = "2048"
VALUES = {"in", "out", "key", "subj", "days", "CA", "CAkey", "addext", "newkey", "keyout"}
"""Options that take a value."""


class Refusal(Exception):
    """What openssl says when it does not do it."""


def openssl(run: Run) -> int:
    """The program."""
    command, words = (run.args[0], run.args[1:]) if run.args else ("help", [])
    made: dict[str, Callable[[Run, dict[str, str], list[str]], None]] = {
        "genrsa": _genrsa,
        "req": _req,
        "x509": _x509,
    }
    if command == "version":
        run.out("OpenSSL 3.0.19 (kubekit)")
        return 0
    if command not in made:
        run.err(f"Invalid command '{command}'; type \"help\" for a list.")
        return 1
    try:
        values, rest = _options(command, words)
        made[command](run, values, rest)
    except Refusal as refusal:
        run.err(str(refusal))
        return 1
    return 0


def _options(command: str, words: list[str]) -> tuple[dict[str, str], list[str]]:
    """(options, other words); an option without a value has "" as its value."""
    values: dict[str, str] = {}
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        name = word.lstrip("-")
        if not word.startswith("-"):
            rest.append(word)
        elif name in VALUES:
            if not left:
                raise Refusal(f"{command}: Option -{name} needs a value\n{command}: Use -help for summary.")
            values[name] = left.pop(0)
        else:
            values[name] = ""
    return values, rest


def _genrsa(run: Run, values: dict[str, str], rest: list[str]) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    bits = rest[0] if rest else BITS
    if not bits.isdigit() or not 1024 <= int(bits) <= 4096:
        raise Refusal(f'genrsa: Can\'t parse "{bits}" as a number of bits from 1024 to 4096')
    key = rsa.generate_private_key(65537, int(bits))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _deliver(run, values, pem)


def _req(run: Run, values: dict[str, str], rest: list[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    if "new" not in values:
        if "in" not in values:
            raise Refusal("req: nothing to do: say -new, or -in FILE\nreq: Use -help for summary.")
        try:
            found = x509.load_pem_x509_csr(_read(run, values["in"]))
        except ValueError:
            raise Refusal(f"Unable to load X509 request from {values['in']}") from None
        _say(run, values, found, "subject")
        return
    if "key" not in values:
        raise Refusal("req: -new needs the key that shall be certified: -key FILE")
    try:
        key: Any = serialization.load_pem_private_key(_read(run, values["key"]), None)
    except (ValueError, TypeError):
        raise Refusal(f"Could not read private key from {values['key']}") from None
    if "subj" not in values:
        raise Refusal('req: without a terminal the subject has to be said: -subj "/O=GROUP/CN=NAME"')
    made = x509.CertificateSigningRequestBuilder().subject_name(_subject(values["subj"]))
    _deliver(run, values, made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _subject(text: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    known = {
        "C": NameOID.COUNTRY_NAME,
        "CN": NameOID.COMMON_NAME,
        "L": NameOID.LOCALITY_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "ST": NameOID.STATE_OR_PROVINCE_NAME,
    }
    if not text.startswith("/"):
        raise Refusal(
            "req: subject name is expected to be in the format /type0=value0/type1=value1/type2=... "
            f"where characters may be escaped by \\. This name is not in that format: '{text}'"
        )
    parts = []
    for part in filter(None, text.split("/")):
        name, equals, value = part.partition("=")
        if not equals or name not in known:
            raise Refusal(f"req: subject name attribute {name!r} is not known here")
        try:
            parts.append(x509.NameAttribute(known[name], value))
        except ValueError as error:
            raise Refusal(f"req: {error}") from None
    return x509.Name(parts)


def _x509(run: Run, values: dict[str, str], rest: list[str]) -> None:
    from cryptography import x509

    data = _read(run, values["in"]) if "in" in values else run.stdin
    try:
        found = x509.load_pem_x509_certificate(data)
    except ValueError:
        raise Refusal(f"Could not read certificate from {values.get('in', '<stdin>')}") from None
    _say(run, values, found, "subject", "issuer")


def _say(run: Run, values: dict[str, str], found: Any, *parts: str) -> None:
    from cryptography.hazmat.primitives import serialization

    for part in parts:
        if part in values:
            names = (f"{one.rfc4514_attribute_name} = {one.value}" for one in getattr(found, part))
            run.out(f"{part}={', '.join(names)}")
    if "noout" not in values:
        run.out(found.public_bytes(serialization.Encoding.PEM), end="")


def _read(run: Run, path: str) -> bytes:
    try:
        return bytes(run.here.read(path))
    except OSError as error:
        raise Refusal(f'Can\'t open "{path}" for reading, {error.strerror}') from None


def _deliver(run: Run, values: dict[str, str], pem: bytes) -> None:
    if "out" in values:
        run.here.write(values["out"], pem)
    else:
        run.out(pem, end="")
