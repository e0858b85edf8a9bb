"""The types of the Gateway API's custom resources (1.6, standard channel, and `retry`), as their definitions declare them, in the
notation of `kube.schema`; and what these say besides: named scalars with their bounds, and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GROUP = "gateway.networking.k8s.io"

GATEWAY_TYPES = """
GatewayClass metadata:ObjectMeta spec!:GwClassSpec status:GwClassStatus
ApiGateway metadata:ObjectMeta spec!:GwSpec status:GwStatus
HTTPRoute metadata:ObjectMeta spec!:GwHttpRouteSpec status:GwRouteStatus
GRPCRoute metadata:ObjectMeta spec!:GwGrpcRouteSpec status:GwRouteStatus
ReferenceGrant metadata:ObjectMeta spec!:GwGrantSpec
GwClassSpec controllerName!:GwController description:GwDescription parametersRef:GwParametersRef
GwParametersRef group!:GwGroup kind!:GwKind name!:GwName namespace:GwNamespace
GwClassStatus conditions:[GwCondition]<type>0-8 supportedFeatures:[GwFeature]<name>0-64
GwFeature name!:s
GwCondition lastTransitionTime!:T message!:GwMessage observedGeneration:GwGeneration reason!:GwReason
  status!:e(True|False|Unknown) type!:GwConditionType
GwSpec addresses:[GwAddress]0-16 allowedListeners:GwAllowedListeners gatewayClassName!:GwName
  infrastructure:GwInfrastructure listeners!:[GwListener]<name>1-64 tls:GwTls
GwAddress type:GwAddressType value:GwAddressValue
GwAllowedListeners namespaces:GwListenerNamespaces
GwListenerNamespaces from:e(All|Selector|Same|None) selector:GwLabelSelector
GwLabelSelector@ matchExpressions:[GwRequirement] matchLabels:{s}
GwRequirement key!:s operator!:s values:[s]
GwInfrastructure annotations:{GwLongValue} labels:{GwLabelValue} parametersRef:GwLocalRef
GwLocalRef group!:GwGroup kind!:GwKind name!:GwName
GwListener allowedRoutes:GwAllowedRoutes hostname:GwHostname name!:GwSection port!:GwPort protocol!:GwProtocol
  tls:GwListenerTls
GwAllowedRoutes kinds:[GwRouteKind]0-8 namespaces:GwRouteNamespaces
GwRouteKind group:GwGroup kind!:GwKind
GwRouteNamespaces from:e(All|Selector|Same) selector:GwLabelSelector
GwListenerTls certificateRefs:[GwSecretRef]0-64 mode:e(Terminate|Passthrough) options:{GwLongValue}
GwSecretRef group:GwGroup kind:GwKind name!:GwName namespace:GwNamespace
GwTls backend:GwBackendTls frontend:GwFrontendTls
GwBackendTls clientCertificateRef:GwSecretRef
GwFrontendTls default!:GwClientTls perPort:[GwPortTls]<port>0-64
GwPortTls port!:GwPort tls!:GwClientTls
GwClientTls validation:GwClientValidation
GwClientValidation caCertificateRefs!:[GwParametersRef]1-16 mode:e(AllowValidOnly|AllowInsecureFallback)
GwStatus addresses:[GwStatusAddress]0-16 attachedListenerSets:i conditions:[GwCondition]<type>0-8
  listeners:[GwListenerStatus]<name>0-64
GwStatusAddress type:GwAddressType value!:GwStatusValue
GwListenerStatus attachedRoutes!:i conditions!:[GwCondition]<type>0-8 name!:GwSection supportedKinds:[GwRouteKind]0-8
GwParentRef group:GwGroup kind:GwKind name!:GwName namespace:GwNamespace port:GwPort sectionName:GwSection
GwRouteStatus parents!:[GwParentStatus]0-32
GwParentStatus conditions!:[GwCondition]<type>1-8 controllerName!:GwController parentRef!:GwParentRef
GwHttpRouteSpec hostnames:[GwHostname]0-16 parentRefs:[GwParentRef]0-32 rules:[GwHttpRule]1-16
GwHttpRule backendRefs:[GwHttpBackendRef]0-16 filters:[GwHttpFilter]0-16 matches:[GwHttpMatch]0-64 name:GwSection
  retry:GwRetry timeouts:GwTimeouts
GwRetry attempts:GwCount backoff:GwDuration codes:[GwRetryCode]
GwTimeouts backendRequest:GwDuration request:GwDuration
GwHttpMatch headers:[GwHeaderMatch]<name>0-16 method:e(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH)
  path:GwPathMatch queryParams:[GwQueryMatch]<name>0-16
GwHeaderMatch name!:GwHeaderName type:e(Exact|RegularExpression) value!:GwHeaderValue
GwQueryMatch name!:GwHeaderName type:e(Exact|RegularExpression) value!:GwQueryValue
GwPathMatch type:e(Exact|PathPrefix|RegularExpression) value:GwPath
GwHttpBackendRef filters:[GwHttpFilter]0-16 group:GwGroup kind:GwKind name!:GwName namespace:GwNamespace port:GwPort
  weight:GwWeight
GwBackendRef group:GwGroup kind:GwKind name!:GwName namespace:GwNamespace port:GwPort
GwHttpFilter cors:GwCors extensionRef:GwLocalRef requestHeaderModifier:GwHeaderEdits requestMirror:GwMirror
  requestRedirect:GwRedirect responseHeaderModifier:GwHeaderEdits
  type!:e(RequestHeaderModifier|ResponseHeaderModifier|RequestMirror|RequestRedirect|URLRewrite|ExtensionRef|CORS)
  urlRewrite:GwRewrite
GwCors allowCredentials:b allowHeaders:[GwHeaderName]<=>0-64
  allowMethods:[e(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|*)]<=>0-9 allowOrigins:[GwOrigin]<=>0-64
  exposeHeaders:[GwHeaderName]<=>0-64 maxAge:GwPositive
GwHeaderEdits add:[GwHeader]<name>0-16 remove:[s]<=>0-16 set:[GwHeader]<name>0-16
GwHeader name!:GwHeaderName value!:GwHeaderValue
GwMirror backendRef!:GwBackendRef fraction:GwFraction percent:GwPercent
GwFraction denominator:GwPositive numerator!:GwCount
GwRedirect hostname:GwPreciseHostname path:GwNewPath port:GwPort scheme:e(http|https) statusCode:GwRedirectCode
GwNewPath replaceFullPath:GwPath replacePrefixMatch:GwPath type!:e(ReplaceFullPath|ReplacePrefixMatch)
GwRewrite hostname:GwPreciseHostname path:GwNewPath
GwGrpcRouteSpec hostnames:[GwHostname]0-16 parentRefs:[GwParentRef]0-32 rules:[GwGrpcRule]0-16
GwGrpcRule backendRefs:[GwGrpcBackendRef]0-16 filters:[GwGrpcFilter]0-16 matches:[GwGrpcMatch]0-64 name:GwSection
GwGrpcMatch headers:[GwHeaderMatch]<name>0-16 method:GwGrpcMethod
GwGrpcMethod method:GwPath service:GwPath type:e(Exact|RegularExpression)
GwGrpcBackendRef filters:[GwGrpcFilter]0-16 group:GwGroup kind:GwKind name!:GwName namespace:GwNamespace port:GwPort
  weight:GwWeight
GwGrpcFilter extensionRef:GwLocalRef requestHeaderModifier:GwHeaderEdits requestMirror:GwMirror
  responseHeaderModifier:GwHeaderEdits type!:e(ResponseHeaderModifier|RequestHeaderModifier|RequestMirror|ExtensionRef)
GwGrantSpec from!:[GwGrantFrom]1-16 to!:[GwGrantTo]1-16
GwGrantFrom group!:GwGroup kind!:GwKind namespace!:GwNamespace
GwGrantTo group!:GwGroup kind!:GwKind name:GwName
"""

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DOMAIN_PATH = rf"{_SUBDOMAIN}\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+"

GATEWAY_SCALARS = rf"""
GwController s 1-253 ^{_DOMAIN_PATH}$
GwDescription s 0-64
GwName s 1-253
GwNamespace s 1-63 ^{_LABEL}$
GwGroup s 0-253 ^$|^{_SUBDOMAIN}$
GwKind s 1-63 ^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$
GwSection s 1-253 ^{_SUBDOMAIN}$
GwHostname s 1-253 ^(\*\.)?{_SUBDOMAIN}$
GwPreciseHostname s 1-253 ^{_SUBDOMAIN}$
GwProtocol s 1-255 ^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|{_SUBDOMAIN}\/[A-Za-z0-9]+$
GwAddressType s 1-253 ^Hostname|IPAddress|NamedAddress|{_DOMAIN_PATH}$
GwAddressValue s 0-253
GwStatusValue s 1-253
GwHeaderName s 1-256 ^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$
GwHeaderValue s 1-4096
GwQueryValue s 1-1024
GwLongValue s 0-4096
GwLabelValue s 0-63 ^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$
GwPath s 0-1024
GwOrigin s 1-253 (^\*$)|(^(http(s)?):\/\/(((\*\.)?([a-zA-Z0-9\-]+\.)*[a-zA-Z0-9-]+|\*)(:([0-9]{{1,5}}))?)$)
GwDuration s - ^([0-9]{{1,5}}(h|m|s|ms)){{1,4}}$
GwMessage s 0-32768
GwReason s 1-1024 ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$
GwConditionType s 0-316 ^({_SUBDOMAIN}/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$
GwPort i 1-65535
GwWeight i 0-1000000
GwPercent i 0-100
GwCount i 0-
GwPositive i 1-
GwGeneration l 0-
GwRetryCode i 400-599
GwRedirectCode i - 301|302|303|307|308
"""
"""A scalar a line: its name, its code in the notation, least and most (of a number its value, of a text its length), and the
pattern that a text follows, or the numbers that are allowed."""

_BACKEND: Mapping[str, Any] = {"group": "", "kind": "Service"}
_PATH = {"type": "PathPrefix", "value": "/"}
_SECRET = {"group": "", "kind": "Secret"}


def _waiting(*types: str) -> list[dict[str, str]]:
    """The conditions of an object that no controller has seen yet."""
    told = {"reason": "Pending", "message": "Waiting for controller", "lastTransitionTime": "1970-01-01T00:00:00Z"}
    return [{"type": type_, "status": "Unknown"} | told for type_ in types]


GATEWAY_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "GatewayClass": {"status": {"conditions": _waiting("Accepted")}},
    "ApiGateway": {"status": {"conditions": _waiting("Accepted", "Programmed")}},
    "GwClassStatus": {"conditions": _waiting("Accepted")},
    "GwStatus": {"conditions": _waiting("Accepted", "Programmed")},
    "GwAddress": {"type": "IPAddress"},
    "GwStatusAddress": {"type": "IPAddress"},
    "GwAllowedListeners": {"namespaces": {"from": "None"}},
    "GwListenerNamespaces": {"from": "None"},
    "GwListener": {"allowedRoutes": {"namespaces": {"from": "Same"}}},
    "GwAllowedRoutes": {"namespaces": {"from": "Same"}},
    "GwRouteNamespaces": {"from": "Same"},
    "GwRouteKind": {"group": GROUP},
    "GwListenerTls": {"mode": "Terminate"},
    "GwSecretRef": _SECRET,
    "GwClientValidation": {"mode": "AllowValidOnly"},
    "GwParentRef": {"group": GROUP, "kind": "Gateway"},
    "GwHttpRouteSpec": {"rules": [{"matches": [{"path": _PATH}]}]},
    "GwHttpRule": {"matches": [{"path": _PATH}]},
    "GwHttpMatch": {"path": _PATH},
    "GwPathMatch": _PATH,
    "GwHeaderMatch": {"type": "Exact"},
    "GwQueryMatch": {"type": "Exact"},
    "GwGrpcMethod": {"type": "Exact"},
    "GwHttpBackendRef": {**_BACKEND, "weight": 1},
    "GwGrpcBackendRef": {**_BACKEND, "weight": 1},
    "GwBackendRef": _BACKEND,
    "GwFraction": {"denominator": 100},
    "GwCors": {"maxAge": 5},
    "GwRedirect": {"statusCode": 302},
}
"""What a missing field of a type is set to, by the type's name."""
