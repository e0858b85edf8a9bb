"""Which cluster, and as whom: kubeconfig contexts, credential plugins, and the service account of a pod.

Reads with the official package; what goes wrong is told as Unreachable, with what to try. Imported only when a cluster is used.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import Unreachable
from ..release.reading import PIPE, is_pipe
from .official import (
    ConfigException,
    ConfigNode,
    Configuration,
    ExecProvider,
    FileOrData,
    KubeConfigLoader,
    KubeConfigMerger,
    aiohttp,
    incluster_config,
)

PLUGIN_S = 60.0  # a credential plugin may have to ask the user in a browser
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SERVICE_ACCOUNT_VARIABLE = "ROLLWAY_SERVICE_ACCOUNT"
"""Names another folder for what is in that one, for a pod of the sandbox: a process has no file system of its own."""


@dataclass(frozen=True)
class Access:
    """A way to a cluster. `configuration` is the official package's; `login` says, for an error's hint, how to log in anew."""

    configuration: Configuration
    context: str
    namespace: str
    contexts: tuple[str, ...]
    login: str

    @property
    def host(self) -> str:
        return str(self.configuration.host)


async def load_access(context: str | None, kubeconfig: str | None) -> Access:
    """From `kubeconfig`, else $KUBECONFIG, else ~/.kube/config; and where there is none, from the pod's service account.

    Raises Unreachable for a missing or broken file, an unknown context, and credentials that cannot be had.
    """
    paths = kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config"))
    if _any_exists(paths):
        loader, chosen, contexts = _loader(paths, context)
        return await _access(loader, chosen, contexts, paths)
    if kubeconfig is None and context is None and os.environ.get(incluster_config.SERVICE_HOST_ENV_NAME):
        return _in_cluster()
    raise Unreachable(
        f"no kubeconfig: {paths} does not exist",
        hint="set KUBECONFIG to the cluster's kubeconfig, or try the release on the embedded cluster: --sandbox",
    )


async def load_inside() -> Access:
    """By the pod's service account. Raises Unreachable where there is none."""
    return _in_cluster()


def _any_exists(paths: str) -> bool:
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path)


def _loader(paths: str, context: str | None) -> tuple[_Loader, str, tuple[str, ...]]:
    try:
        for path in (str(Path(path).expanduser()) for path in paths.split(os.pathsep) if path):
            if os.path.exists(path) and is_pipe(path):
                raise Unreachable(f"{path} is no kubeconfig: {PIPE}", hint="name a file in KUBECONFIG")
        merged = KubeConfigMerger(paths).config
        contexts = tuple(str(node.value["name"]) for node in merged.value["contexts"])
    except (ConfigException, yaml.YAMLError, OSError, AttributeError, KeyError, TypeError) as error:
        raise Unreachable(f"{paths} is no kubeconfig that can be read: {error}", hint="see `kubectl config view`") from error
    chosen = context or merged.value.get("current-context") or ""
    known = ", ".join(contexts) or "none"
    if not chosen:
        raise Unreachable(f"{paths} has no current context", hint=f"choose one with --context; there are: {known}")
    if chosen not in contexts:
        raise Unreachable(f"{paths} has no context {chosen}", hint=f"choose another with --context; there are: {known}")
    try:
        return _Loader(config_dict=merged, active_context=chosen, config_base_path=None), chosen, contexts
    except (ConfigException, KeyError, TypeError) as error:
        raise Unreachable(f"context {chosen} of {paths} is incomplete: {error}", hint=f"other contexts: {known}") from error


async def _access(loader: _Loader, chosen: str, contexts: tuple[str, ...], paths: str) -> Access:
    configuration = _configuration()
    try:
        async with asyncio.timeout(PLUGIN_S):
            await loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
    except TimeoutError as error:
        raise Unreachable(f"no credentials for context {chosen} within {PLUGIN_S:.0f} s", hint=loader.login) from error
    except (ConfigException, aiohttp.ClientError, OSError, KeyError, TypeError, ValueError) as error:
        raise Unreachable(f"no credentials for context {chosen} of {paths}: {error}", hint=loader.login) from error
    namespace = loader.current_context["context"].get("namespace") or "default"
    return Access(configuration, chosen, namespace, contexts, loader.login)


def _configuration() -> Configuration:
    configuration = Configuration()
    configuration.connection_pool_maxsize = 0  # every watch keeps a connection: with a limit, many releases would starve
    configuration.retries = None  # cluster.wire repeats requests, and knows which may be
    # kubectl accepts certificates that only the strict reading of RFC 5280 rejects, as many a cluster's own authority issues;
    # they are verified all the same
    configuration.disable_strict_ssl_verification = True
    return configuration


def _in_cluster() -> Access:
    configuration = _configuration()
    folder = Path(os.environ.get(SERVICE_ACCOUNT_VARIABLE) or SERVICE_ACCOUNT)
    try:
        loader = incluster_config.InClusterConfigLoader(
            token_filename=str(folder / "token"), cert_filename=str(folder / "ca.crt"), try_refresh_token=True
        )
        loader.load_and_set(configuration)
        namespace = (folder / "namespace").read_text(encoding="utf-8").strip()
    except (ConfigException, OSError) as error:
        raise Unreachable(f"the pod's service account cannot be used: {error}", hint="set KUBECONFIG") from error
    return Access(configuration, "in-cluster", namespace or "default", ("in-cluster",), "the pod's service account is refused")


class _Loader(KubeConfigLoader):
    """The official loader, but for two things: a credential plugin that fails is an error, and a context may have no user."""

    _user: Any

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)  # type: ignore[no-untyped-call]
        if self._user is None:
            self._user = ConfigNode("user", {})

    @property
    def login(self) -> str:
        """How to get new credentials, in the user's words."""
        user = self.current_context["context"].get("user", "")
        if "exec" in self._user:
            plugin = self._user["exec"]
            install = plugin.safe_get("installHint")
            command = " ".join([plugin.safe_get("command") or "", *(plugin.value.get("args") or ())]).strip()
            return f"run `{command}` by hand and see what it says" + (f"; {str(install).strip()}" if install else "")
        if self.provider:
            return f"log in again with {self.provider}, as user {user}"
        kind = "client certificate" if {"client-certificate", "client-certificate-data"} & set(self._user.value) else "token"
        return f"get a new {kind} for user {user} of context {self.current_context['name']}: this one has expired or was revoked"

    async def load_from_exec_plugin(self) -> bool:
        status = await ExecProvider(self._user["exec"]).run()
        if token := status.get("token"):
            self.token = f"Bearer {token}"
        if "clientCertificateData" in status and "clientKeyData" in status:
            self.cert_file = self._as_file(status, "clientCertificateData")
            self.key_file = self._as_file(status, "clientKeyData")
        elif not token:
            raise ConfigException("the credential plugin gave neither a token nor a client certificate with its key")
        return True

    def _as_file(self, status: dict[str, Any], key: str) -> str:
        return str(FileOrData(status, None, data_key_name=key, base64_file_content=False).as_file())
