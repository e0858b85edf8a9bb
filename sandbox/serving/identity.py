"""Who asks: the owner by the sandbox's token, a ServiceAccount by one that was made for it, or whomever the owner plays (`--as`).

Tokens of accounts are JWTs signed with a key that is made of the owner's token: nothing of them is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from multidict import CIMultiDictProxy

from ...errors import ApiError
from ...kube.clock import timestamp
from ...kube.objects import NODE, POD, SECRET, Kind, Obj, get
from ...kube.validation import checks
from ..store.refusals import bad_request, bound_to_another, not_found
from ..store.store import Store

SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
USER = Kind("v1", "User", "users", namespaced=False)
GROUP = Kind("v1", "Group", "groups", namespaced=False)
EXTRA = Kind("authentication.k8s.io/v1", "UserExtra", "userextras", namespaced=False)
UID = Kind("authentication.k8s.io/v1", "UID", "uids", namespaced=False)
"""No objects, but what roles call whoever is played, and what is said of them."""
MASTERS, AUTHENTICATED = "system:masters", "system:authenticated"
ISSUER = "https://kubernetes.default.svc.cluster.local"
_ACCOUNT = "system:serviceaccount:"
_LEAST_S, _MOST_S, _USUAL_S = 600, 1 << 32, 3600


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_master(self) -> bool:
        return MASTERS in self.groups

    def info(self) -> Obj:
        """As reviews tell it."""
        said = {"username": self.name, "uid": self.uid, "groups": list(self.groups)}
        return {key: value for key, value in said.items() if value} | ({"extra": dict(self.extra)} if self.extra else {})


OWNER = User("rollway-sandbox", (MASTERS, AUTHENTICATED))
"""As the kubeconfig calls whoever has it."""


def account_of(namespace: str, name: str, uid: str = "") -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"{_ACCOUNT}{namespace}:{name}", groups, uid)


def played(headers: CIMultiDictProxy[str]) -> User | None:
    """Whom a request is to be taken for, by its headers. Raises ApiError (400) for a group without a user."""
    name, groups = headers.get("Impersonate-User"), tuple(headers.getall("Impersonate-Group", []))
    extra: dict[str, list[str]] = {}
    for header, value in headers.items():
        if header.lower().startswith("impersonate-extra-"):
            extra.setdefault(unquote(header[len("impersonate-extra-") :]).lower(), []).append(value)
    uid = headers.get("Impersonate-Uid", "")
    if name is None:
        if groups or extra or uid:
            raise bad_request("requested impersonation without impersonating a user")
        return None
    if name.startswith(_ACCOUNT) and not groups and name.count(":") == 3:
        groups = account_of(*name.split(":")[2:]).groups
    if name == "system:anonymous":
        groups += ("system:unauthenticated",) * ("system:unauthenticated" not in groups)
    elif AUTHENTICATED not in groups:
        groups += (AUTHENTICATED,)
    return User(name, groups, uid, extra)


def to_play(headers: CIMultiDictProxy[str], meant: User) -> Iterator[tuple[Kind, str, str, str]]:
    """What one has to be allowed to `impersonate` for it, each by itself: (kind, namespace, name, subresource). The groups that
    come along with the name need no right of their own."""
    if meant.name.startswith(_ACCOUNT) and meant.name.count(":") == 3:
        *_, namespace, name = meant.name.split(":")
        yield SERVICE_ACCOUNT, namespace, name, ""
    else:
        yield USER, "", meant.name, ""
    for group in headers.getall("Impersonate-Group", []):
        yield GROUP, "", group, ""
    for key, values in meant.extra.items():
        for value in values:
            yield EXTRA, "", value, key
    if meant.uid:
        yield UID, "", meant.uid, ""


# tokens


class Tokens:
    """`secret` is the owner's own token; without one nobody has to say who they are."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._key = hashlib.sha256(f"accounts of {secret}".encode()).digest()

    def user(self, token: str, store: Store, now: datetime, audiences: Sequence[str] = (ISSUER,)) -> User | None:
        """Whose token it is; None where it is nobody's, or no longer, or for none of these audiences (one's own: the API)."""
        if not self._secret or hmac.compare_digest(_bytes(token), _bytes(self._secret)):
            return OWNER
        head, _, signature = token.rpartition(".")
        if not head or not hmac.compare_digest(_bytes(signature), _bytes(self._signature(head))):
            return None
        claims = _unpacked(head.partition(".")[2])
        said = claims["kubernetes.io"]
        namespace, name, uid = said["namespace"], said["serviceaccount"]["name"], said["serviceaccount"]["uid"]
        live = store.find(SERVICE_ACCOUNT, namespace, name)
        if not set(audiences) & set(claims["aud"]):
            return None
        if claims["exp"] <= now.timestamp() or live is None or live["metadata"]["uid"] != uid:
            return None
        if any(
            word in said and _uid_of(store, kind, namespace, said[word]["name"]) != said[word]["uid"] for word, kind in _BINDS
        ):
            return None
        return account_of(namespace, name, uid)

    def made(self, account: Obj, request: Obj, now: datetime, ends_with: Obj | None = None) -> Obj:
        """The answer to a TokenRequest, with the token, which ends with that (`bound`) at the latest. Raises Invalid."""
        spec = request.get("spec") or {}
        lasts_s = spec.get("expirationSeconds") or _USUAL_S
        if lasts_s < _LEAST_S:
            why = "may not specify a duration less than 10 minutes"
            problem = checks.invalid("spec.expirationSeconds", lasts_s, why)
            raise checks.refusal("TokenRequest", "authentication.k8s.io", account["metadata"]["name"], [problem])
        if lasts_s > _MOST_S:
            problem = checks.invalid("spec.expirationSeconds", lasts_s, "may not specify a duration larger than 2^32 seconds")
            raise checks.refusal("TokenRequest", "authentication.k8s.io", account["metadata"]["name"], [problem])
        audiences, until = list(spec.get("audiences") or [ISSUER]), now + timedelta(seconds=lasts_s)
        meta = account["metadata"]
        head = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(_claims(meta, audiences, now, until, ends_with or {}))}"
        answer = {"expirationSeconds": lasts_s, "audiences": audiences, "boundObjectRef": spec.get("boundObjectRef")}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"], "creationTimestamp": timestamp(now)},
            "spec": answer,
            "status": {"token": f"{head}.{self._signature(head)}", "expirationTimestamp": timestamp(until)},
        }

    def _signature(self, head: str) -> str:
        return _text(hmac.digest(self._key, _bytes(head), "sha256"))


_BINDS = (("pod", POD), ("secret", SECRET), ("node", NODE))
"""What a token may be bound to, by the word for it in the token."""


def bound(store: Store, account: Obj, request: Obj) -> Obj:
    """What a TokenRequest binds the token to, as the token says it; empty where to nothing. Raises NotFound, Conflict,
    ApiError (400)."""
    asked = get(request, "spec", "boundObjectRef", default={})
    if not asked:
        return {}
    word, version = str(asked.get("kind") or ""), str(asked.get("apiVersion") or "")
    kind = dict(_BINDS).get(word.lower())
    if kind is None or kind.name != word or version != kind.api_version:
        group, _, short = version.rpartition("/")
        raise bad_request(f"cannot bind token to object of type {group}/{short}, Kind={word}")
    meta, name = account["metadata"], str(asked.get("name") or "")
    live = store.find(kind, meta["namespace"] if kind.namespaced else "", name)
    if live is None:
        raise not_found(kind, name)
    if kind == POD and live["spec"].get("serviceAccountName") != meta["name"]:
        why = "to pod running with different serviceaccount name."
        raise bad_request(f'cannot bind token for serviceaccount "{meta["name"]}" {why}')
    uid = live["metadata"]["uid"]
    if asked.get("uid") and asked["uid"] != uid:
        raise bound_to_another(kind, name, asked["uid"])
    return {word.lower(): {"name": name, "uid": uid}}


def _uid_of(store: Store, kind: Kind, namespace: str, name: str) -> str:
    live = store.find(kind, namespace if kind.namespaced else "", name)
    return str(live["metadata"]["uid"]) if live else ""


def _claims(meta: Obj, audiences: list[str], now: datetime, until: datetime, ends_with: Obj) -> Obj:
    since = int(now.timestamp())
    return {
        "aud": audiences, "exp": int(until.timestamp()), "iat": since, "iss": ISSUER, "jti": str(uuid4()),
        "kubernetes.io": {
            "namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}, **ends_with,
        },
        "nbf": since, "sub": f"{_ACCOUNT}{meta['namespace']}:{meta['name']}",
    }  # fmt: skip


def _bytes(text: str) -> bytes:
    """Of whatever somebody sends: halves of characters, too."""
    return text.encode(errors="surrogatepass")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _packed(said: Obj) -> str:
    return _text(json.dumps(said, separators=(",", ":")).encode())


def _unpacked(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")
