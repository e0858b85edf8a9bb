"""The types of Istio's custom resources, as their definitions declare them, in the notation of `kube.schema`."""

ISTIO_TYPES = """
VirtualService metadata:ObjectMeta spec:IstioVirtualServiceSpec status:IstioStatus
DestinationRule metadata:ObjectMeta spec:IstioDestinationRuleSpec status:IstioStatus
Gateway metadata:ObjectMeta spec:IstioGatewaySpec status:IstioStatus
IstioDestinationRuleSpec exportTo:[s] host!:s subsets:[IstioSubsets] trafficPolicy:IstioTrafficPolicy
  workloadSelector:IstioWorkloadSelector
IstioSubsets labels:{s} name!:s trafficPolicy:IstioTrafficPolicy
IstioTrafficPolicy connectionPool:IstioConnectionPool loadBalancer:IstioLoadBalancer
  outlierDetection:IstioOutlierDetection portLevelSettings:[IstioPortLevelSettings] proxyProtocol:IstioProxyProtocol
  retryBudget:IstioRetryBudget tls:IstioTls tunnel:IstioTunnel
IstioConnectionPool http:IstioHttp tcp:IstioTcp
IstioHttp h2UpgradePolicy:e(DEFAULT|DO_NOT_UPGRADE|UPGRADE) http1MaxPendingRequests:i
  http2KeepAlive:IstioHttp2KeepAlive http2MaxRequests:i idleTimeout:d maxConcurrentStreams:i
  maxRequestsPerConnection:i maxRetries:i useClientProtocol:b
IstioHttp2KeepAlive interval:d timeout:d
IstioTcp connectTimeout:d idleTimeout:s maxConnectionDuration:d maxConnections:i tcpKeepalive:IstioTcpKeepalive
IstioTcpKeepalive interval:d probes:u time:d
IstioLoadBalancer one(simple|consistentHash) consistentHash:IstioConsistentHash
  localityLbSetting:IstioLocalityLbSetting
  simple:e(UNSPECIFIED|LEAST_CONN|RANDOM|PASSTHROUGH|ROUND_ROBIN|LEAST_REQUEST) warmup:IstioWarmup
  warmupDurationSecs:d zoneAwareLbSetting:IstioZoneAwareLbSetting
IstioConsistentHash one(httpHeaderName|httpCookie|useSourceIp|httpQueryParameterName) one(ringHash|maglev)
  httpCookie:IstioHttpCookie httpHeaderName:s httpQueryParameterName:s maglev:IstioMaglev minimumRingSize:i
  ringHash:IstioRingHash useSourceIp:b
IstioHttpCookie attributes:[IstioAttributes] name!:s path:s ttl:s
IstioAttributes name!:s value:s
IstioMaglev tableSize:i
IstioRingHash minimumRingSize:i
IstioLocalityLbSetting distribute:[IstioDistribute] enabled:b failover:[IstioFailover] failoverPriority:[s]
IstioDistribute from:s to:{u}
IstioFailover from:s to:s
IstioWarmup aggression:f duration!:d minimumPercent:f
IstioZoneAwareLbSetting enabled:b failover:[IstioFailover] failoverPriority:[s] minClusterSize:i
IstioOutlierDetection baseEjectionTime:d consecutive5xxErrors:u consecutiveErrors:i consecutiveGatewayErrors:u
  consecutiveLocalOriginFailures:u interval:d maxEjectionPercent:i minHealthPercent:i
  outlierDetectionHttpErrorCodes:[i] splitExternalLocalOriginErrors:b
IstioPortLevelSettings connectionPool:IstioConnectionPool loadBalancer:IstioLoadBalancer
  outlierDetection:IstioOutlierDetection port:IstioPort tls:IstioTls
IstioPort number:u
IstioTls caCertificates:s caCrl:s clientCertificate:s credentialName:s insecureSkipVerify:b
  mode:e(DISABLE|SIMPLE|MUTUAL|ISTIO_MUTUAL) privateKey:s sni:s subjectAltNames:[s]
IstioProxyProtocol version:e(V1|V2)
IstioRetryBudget budgetInterval:s minRetryConcurrency:u percent:f
IstioTunnel protocol:s targetHost!:s targetPort!:u
IstioWorkloadSelector matchLabels:{s}
IstioStatus ... conditions:[IstioConditions] observedGeneration:I validationMessages:[IstioValidationMessages]
IstioConditions lastProbeTime:T lastTransitionTime:T message:s observedGeneration:I reason:s status:s type:s
IstioValidationMessages documentationUrl:s level:e(UNKNOWN|ERROR|WARNING|INFO) type:IstioType
IstioType code:s name:s
IstioGatewaySpec selector:{s} servers:[IstioServers]
IstioServers bind:s defaultEndpoint:s hosts!:[s] name:s port!:IstioServersPort tls:IstioServersTls
IstioServersPort name!:s number!:u protocol!:s targetPort:u
IstioServersTls caCertCredentialName:s caCertificates:s caCrl:s cipherSuites:[s] credentialName:s credentialNames:[s]
  httpsRedirect:b insecureSkipVerify:b maxProtocolVersion:e(TLS_AUTO|TLSV1_0|TLSV1_1|TLSV1_2|TLSV1_3)
  minProtocolVersion:e(TLS_AUTO|TLSV1_0|TLSV1_1|TLSV1_2|TLSV1_3)
  mode:e(PASSTHROUGH|SIMPLE|MUTUAL|AUTO_PASSTHROUGH|ISTIO_MUTUAL|OPTIONAL_MUTUAL) privateKey:s serverCertificate:s
  subjectAltNames:[s] tlsCertificates:[IstioTlsCertificates] verifyCertificateHash:[s] verifyCertificateSpki:[s]
IstioTlsCertificates caCertificates:s privateKey:s serverCertificate:s
IstioVirtualServiceSpec exportTo:[s] gateways:[s] hosts:[s] http:[IstioVirtualServiceSpecHttp]
  tcp:[IstioVirtualServiceSpecTcp] tls:[IstioVirtualServiceSpecTls]
IstioVirtualServiceSpecHttp corsPolicy:IstioCorsPolicy delegate:IstioDelegate directResponse:IstioDirectResponse
  fault:IstioFault headers:IstioHeaders match:[IstioMatch] mirror:IstioMirror mirror_percent:u mirrorPercent:u
  mirrorPercentage:IstioPercentage mirrors:[IstioMirrors] name:s redirect:IstioRedirect retries:IstioRetries
  rewrite:IstioRewrite route:[IstioRoute] timeout:d
IstioCorsPolicy allowCredentials:b allowHeaders:[s] allowMethods:[s] allowOrigin:[s] allowOrigins:[IstioAllowOrigins]
  exposeHeaders:[s] maxAge:d unmatchedPreflights:e(UNSPECIFIED|FORWARD|IGNORE)
IstioAllowOrigins one(exact|prefix|regex) exact:s prefix:s regex:s
IstioDelegate name:s namespace:s
IstioDirectResponse body:IstioBody status!:u
IstioBody one(string|bytes) bytes:y string:s
IstioFault abort:IstioAbort delay:IstioDelay
IstioAbort one(httpStatus|grpcStatus|http2Error) grpcStatus:s http2Error:s httpStatus:i percentage:IstioPercentage
IstioPercentage value:f
IstioDelay one(fixedDelay|exponentialDelay) exponentialDelay:d fixedDelay:d percent:i percentage:IstioPercentage
IstioHeaders request:IstioRequest response:IstioRequest
IstioRequest add:{s} remove:[s] set:{s}
IstioMatch authority:IstioAllowOrigins gateways:[s] headers:{IstioAllowOrigins} ignoreUriCase:b
  method:IstioAllowOrigins name:s port:u queryParams:{IstioAllowOrigins} scheme:IstioAllowOrigins sourceLabels:{s}
  sourceNamespace:s statPrefix:s uri:IstioAllowOrigins withoutHeaders:{IstioAllowOrigins}
IstioMirror host!:s port:IstioPort subset:s
IstioMirrors destination!:IstioMirror percentage:IstioPercentage
IstioRedirect one(port|derivePort) authority:s derivePort:e(FROM_PROTOCOL_DEFAULT|FROM_REQUEST_PORT) port:u
  prefixRewrite:s redirectCode:u scheme:s uri:s
IstioRetries attempts:i backoff:d perTryTimeout:d retryIgnorePreviousHosts:b retryOn:s retryRemoteLocalities:b
IstioRewrite authority:s uri:s uriRegexRewrite:IstioUriRegexRewrite
IstioUriRegexRewrite match:s rewrite:s
IstioRoute destination!:IstioMirror headers:IstioHeaders weight:i
IstioVirtualServiceSpecTcp match:[IstioTcpMatch] route:[IstioTcpRoute]
IstioTcpMatch destinationSubnets:[s] gateways:[s] port:u sourceLabels:{s} sourceNamespace:s sourceSubnet:s
IstioTcpRoute destination!:IstioMirror weight:i
IstioVirtualServiceSpecTls match!:[IstioTlsMatch] route:[IstioTcpRoute]
IstioTlsMatch destinationSubnets:[s] gateways:[s] port:u sniHosts!:[s] sourceLabels:{s} sourceNamespace:s
"""
