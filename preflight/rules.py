"""The table of rules: one row each. A new rule is a function in the file of its theme, and a row here."""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    balancers,
    capacity,
    changes,
    fields,
    gating,
    healers,
    hooks,
    images,
    istio,
    naming,
    probes,
    references,
    routes,
    routing,
    services,
    shutdown,
    steps,
    versions,
)
from .model import Rule

UNREASONED = Rule(
    "RW030", "warning", "an ignore without a reason",
    "Whoever reads it later cannot tell whether it still holds.",
    "A rule is ignored by a comment on or above the line of what it is about: of a field for all below it, of an object's first "
    "line for the whole object.",
    "# rollway: ignore RW004 because the proxy in front retries refused connections\n- name: shop",
)  # fmt: skip
UNUSED = Rule(
    "RW031", "info", "an ignore that matches nothing",
    "What it once hid is gone, and the next mistake of that kind here would be hidden without anybody having looked at it.",
    "The comment stands where nothing breaks the rule that it names, names a rule that there is not, or cannot be read.",
    "# rollway: ignore RW004 because the proxy in front retries refused connections\n- name: shop",
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule(
        "RW001",
        "warning",
        "no readiness probe",
        "A pod gets requests as soon as its process runs, before it listens: they are refused until it does.",
        "Without a readiness probe a container counts as ready the moment it is started, and a rolling update stops "
        "the next old pod then. A worker that nobody sends requests to needs none; a pod with readiness gates waits for those.",
        "readinessProbe:\n  httpGet: {path: /healthz, port: http}\n  periodSeconds: 2",
        probes.readiness_missing,
    ),
    Rule(
        "RW002",
        "warning",
        "a probe at a port that is not there",
        "The probe never succeeds: the pod gets no requests, or is restarted for ever, and the release does not get on.",
        "A port's name has to be one of the container's own (an error: kubelet cannot resolve it). A number may be any that the "
        "process listens on, but where the pod declares its ports and this is none of them, it is mostly a slip.",
        "ports: [{name: http, containerPort: 8080}]\nreadinessProbe:\n  httpGet: {path: /healthz, port: http}",
        probes.port_unknown,
    ),
    Rule(
        "RW003",
        "warning",
        "liveness stricter than readiness",
        "Under load the container is killed, with all its requests, where it should only have been left alone for a while.",
        "Readiness takes a pod out of the Service and lets it recover; liveness restarts it. The one has to come long before the "
        "other: failureThreshold × periodSeconds of the liveness probe should be about twice that of the readiness probe.",
        "readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5, failureThreshold: 3}\n"
        "livenessProbe:  {httpGet: {path: /live, port: http}, periodSeconds: 5, failureThreshold: 6}",
        probes.liveness_stricter,
    ),
    Rule(
        "RW004",
        "warning",
        "no preStop, and no sign of a graceful shutdown",
        "Proxies hear late that a pod leaves, and send it requests after its SIGTERM: they are refused, or cut off.",
        "Endpoints and SIGTERM go out at the same moment, and kube-proxy syncs at most once a second. A preStop hook that sleeps "
        "keeps the pod serving meanwhile; it needs no shell in the image (`sleep`, Kubernetes 1.30; before that "
        '`exec: {command: [sleep, "5"]}`). An argument or variable that speaks of shutdown, drain or lame duck counts as a sign '
        "that the application does this itself. recreate is down between the versions anyway and is not asked for it.",
        "lifecycle:\n  preStop: {sleep: {seconds: 5}}",
        shutdown.pre_stop_missing,
    ),
    Rule(
        "RW005",
        "warning",
        "preStop shorter than the proxies take",
        "The pod stops while proxies still send it requests, or while the last of them are being answered.",
        "It should last as long as proxies take to hear of it (traffic.proxySync, 1 s for kube-proxy) and the slowest request "
        "(traffic.slowestRequest, 1 s unless the release file says otherwise). How long an httpGet hook or a command without a "
        "sleep takes cannot be seen from here: that is told for information only.",
        "lifecycle:\n  preStop: {sleep: {seconds: 5}}",
        shutdown.pre_stop_short,
    ),
    Rule(
        "RW006",
        "warning",
        "grace period too short",
        "The container is killed (SIGKILL) with requests that it has not answered yet.",
        "terminationGracePeriodSeconds runs from the order to stop, so the preStop hook counts: it has to be longer than the "
        "hook and the slowest request together (traffic.slowestRequest in the release file, 1 s by default).",
        "terminationGracePeriodSeconds: 30",
        shutdown.grace_short,
    ),
    Rule(
        "RW007",
        "warning",
        "a slow start is killed",
        "On a busy node the start takes longer, the liveness probe restarts the container, and it never comes up.",
        "A startupProbe holds the liveness probe back until the application has started, however long that takes within its own "
        "limit; an initialDelaySeconds has to be guessed. For information only where nothing says that the start is slow.",
        "startupProbe:\n  httpGet: {path: /healthz, port: http}\n  periodSeconds: 2\n  failureThreshold: 60",
        probes.slow_start_killed,
    ),
    Rule(
        "RW008",
        "warning",
        "liveness equal to readiness",
        "When something that the answer depends on is down, every pod is restarted at once instead of waiting for it.",
        "A readiness probe may ask whether a database answers; a liveness probe may not. The same cheap question for both is "
        "fine where liveness waits longer.",
        "readinessProbe: {httpGet: {path: /ready, port: http}}\nlivenessProbe:  {httpGet: {path: /live, port: http}}",
        probes.liveness_equals_readiness,
    ),
    Rule(
        "RW009",
        "warning",
        "the last pod may go",
        "Between the last old pod's end and the first new one's readiness nobody answers.",
        "Asked of the rolling update that would run: the release file's maxSurge and maxUnavailable, else the Deployment's own. "
        "One pod with maxSurge 1 and maxUnavailable 0 is enough for no downtime.",
        "strategy:\n  rollingUpdate: {maxSurge: 1, maxUnavailable: 0}",
        capacity.last_pod_taken,
    ),
    Rule(
        "RW010",
        "error",
        "a rolling update that cannot move",
        "No pod may be added and none taken away: the API server refuses it.",
        "One of maxSurge and maxUnavailable has to be above 0.",
        "strategy:\n  rollingUpdate: {maxSurge: 1, maxUnavailable: 0}",
        capacity.cannot_move,
    ),
    Rule(
        "RW011",
        "warning",
        "a volume that new pods cannot have",
        "A new pod on another node waits for a volume that the old one holds, and the old one waits for the new one's readiness.",
        "A ReadWriteOnce volume is for one node at a time, a ReadWriteOncePod volume for one pod (an error). A strategy that "
        "runs new pods beside old ones may wait for ever; recreate stops the old one first. Not told of a cluster of one node.",
        "accessModes: [ReadWriteMany]",
        capacity.volume_held,
    ),
    Rule(
        "RW012",
        "warning",
        "a host port that new pods cannot have",
        "A new pod needs a node where the port is free; where every node has an old pod it stays pending, and the release stops.",
        "hostPort and hostNetwork allow one pod a node. Not told where a cluster is asked that has nodes to spare.",
        "ports: [{name: http, containerPort: 8080}]     # and a Service in front",
        capacity.port_held,
    ),
    Rule(
        "RW013",
        "warning",
        "anti-affinity that keeps new pods out",
        "A new pod may not be where an old one is: without a node to spare it stays pending, and the release stops.",
        "Preferred anti-affinity spreads as well and gives way; matchLabelKeys: [pod-template-hash] lets versions share a node.",
        "podAntiAffinity:\n  preferredDuringSchedulingIgnoredDuringExecution:\n  - weight: 100\n    podAffinityTerm: "
        "{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shop}}}",
        capacity.node_held,
    ),
    Rule(
        "RW014",
        "warning",
        "a quota that new pods do not fit into",
        "The pods that the release adds are refused, and it waits for them until its deadline.",
        "What is counted is what the strategy adds to the pods that run: blue-green as many again, ramped maxSurge. An error "
        "where it could not get on at all. A quota with scopes is not judged.",
        'hard: {pods: "20"}',
        capacity.quota_exceeded,
    ),
    Rule(
        "RW015",
        "error",
        "a Service that selects nothing",
        "It has no endpoints: every request to it is refused.",
        "Its selector matches the labels of no pods in the manifests, and it was meant for the released ones: it selects them "
        "live or has done so, is named like them, or nearly spells their labels while no other Service selects them. Any other "
        "is for information, and is not edited: its pods may be made by an operator, by another release or by hand.",
        "spec: {selector: {app: shop}}     # as the pods' labels: {app: shop}",
        services.selects_nothing,
    ),
    Rule(
        "RW016",
        "warning",
        "a Service that selects two applications",
        "A part of the requests goes to pods that do not know what to do with them.",
        "Another object of the manifests makes pods that the selector also matches, and they differ in more than the version, or "
        "are a job's. Two Deployments with the same labels but for the version are one application and are not told.",
        "selector: {app: shop, component: web}",
        services.selects_too_much,
    ),
    Rule(
        "RW017",
        "error",
        "a port that is not there",
        "Requests to it are refused by every pod.",
        "A Service's targetPort names a port that the containers do not have, or an Ingress names one that the Service does not "
        "have. A number that no container declares may work all the same: that is a warning.",
        "containers: [{ports: [{name: http, containerPort: 8080}]}]     # ports: [{port: 80, targetPort: http}]",
        services.port_missing,
    ),
    Rule(
        "RW018",
        "error",
        "a budget that blocks everything",
        "No pod may be evicted: a node cannot be drained, and an upgrade of the cluster gets stuck.",
        "A PodDisruptionBudget whose minAvailable is all pods, or whose maxUnavailable is none. "
        "A rolling update does not ask it.",
        "spec: {maxUnavailable: 1}",
        services.budget_blocks,
    ),
    Rule(
        "RW019",
        "warning",
        "replicas beside an autoscaler",
        "Whoever applies the manifest sets the number back, under load too; a release by rollway leaves it alone.",
        "A HorizontalPodAutoscaler in the same manifests scales the Deployment: its number belongs to the autoscaler.",
        "spec: {selector: {matchLabels: {app: shop}}}     # without replicas",
        services.autoscaled_count,
    ),
    Rule(
        "RW020",
        "warning",
        "an image without a version",
        "Pods of one release may run different versions, and a rollback has nothing to go back to.",
        "The tag latest, or none, means whatever is there when a node pulls it.",
        "image: ghcr.io/acme/shop:1.4.1",
        images.untagged,
    ),
    Rule(
        "RW021",
        "warning",
        "a cloud's load balancer without readiness gates",
        "Kubernetes goes on to the next pod before the balancer knows the new one: for a while all its targets are gone.",
        "The AWS controller puts the gate into pods made in a namespace with the label elbv2.k8s.aws/pod-readiness-gate-inject: "
        "enabled, for targets of type ip. GKE does so by itself, but only for pods made after the Service: that is "
        "for information.",
        "kind: Namespace\nmetadata: {name: shop, labels: {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}}",
        balancers.without_gates,
    ),
    Rule(
        "RW022",
        "error",
        "an API version that is gone",
        "The API server does not know the kind any more: applying it fails.",
        "Versions that are gone up to Kubernetes 1.36, and kinds in one that never had them. The fix writes the current version, "
        "and for an Ingress its backends and path types as they are written today.",
        "apiVersion: networking.k8s.io/v1",
        versions.removed,
    ),
    Rule(
        "RW023",
        "warning",
        "no default route",
        "A request that matches none of the routes is answered 404, such as every request without the header of an A/B test.",
        "The last route of a VirtualService has no match. The fix sends the rest to where the first route goes.",
        "http:\n- match: [{headers: {x-api-version: {exact: v2}}}]\n  route: [{destination: {host: shop-b}}]\n"
        "- route: [{destination: {host: shop}}]",
        istio.no_default_route,
    ),
    Rule(
        "RW024",
        "warning",
        "a header in upper case",
        "HTTP/2 has header names in lower case only, and Istio asks for them so: the match may never hold.",
        "Header names are case-insensitive for who sends them, and lower case where they are matched.",
        "match: [{headers: {x-api-version: {exact: v2}}}]",
        istio.header_upper_case,
    ),
    Rule(
        "RW025",
        "warning",
        "weights that do not add up",
        "The shares are not those that the numbers say; older versions of Istio refuse the route.",
        "Istio takes weights as parts of their sum. A sum of 0 sends requests nowhere and is an error.",
        "route:\n- {destination: {host: shop}, weight: 90}\n- {destination: {host: shop-b}, weight: 10}",
        istio.weights_off,
    ),
    Rule(
        "RW026",
        "warning",
        "a route to a host that is nowhere defined",
        "Requests that take the route are answered 503.",
        "No Service and no ServiceEntry of the manifests has the name; an error where a cluster was asked and has none either. "
        "Hosts of other namespaces are not judged.",
        "destination: {host: shop}     # with a Service shop",
        istio.host_unknown,
    ),
    Rule(
        "RW027",
        "error",
        "a route to a subset that is nowhere defined",
        "Requests that take the route are answered 503.",
        "The DestinationRule of the host does not have the subset. Where the manifests hold no rule for the host at all that is "
        "a warning, unless a cluster was asked and has none either, or ab is to split the subset.",
        "kind: DestinationRule\nspec: {host: shop, subsets: [{name: v2, labels: {version: v2}}]}",
        istio.subset_unknown,
    ),
    Rule(
        "RW028",
        "warning",
        "a step that so few pods cannot reach",
        "The new version gets more of the requests than was meant, or two steps are the same.",
        "A canary's share of requests is its share of pods: one of five is 20%. Told from 5 points on. For information where the "
        "steps are the defaults.",
        "strategies: {canary: {steps: [{weight: 25}, {weight: 50}]}}     # of 4 pods",
        steps.unreachable,
    ),
    Rule(
        "RW029",
        "error",
        "an unknown field",
        "What it was to say does not count, and server-side apply refuses the object.",
        "Told of kinds whose fields are known: those of Kubernetes 1.36 that releases are made of, and Istio's. A warning where "
        "nothing similar is known: it may be younger.",
        "readinessProbe: {httpGet: {path: /healthz, port: http}}     # not readynessProbe",
        fields.unknown,
    ),
    Rule(
        "RW032",
        "error",
        "a host that others route as well",
        "Of two VirtualServices for a host a sidecar heeds one, and by a route without our subsets both versions get requests.",
        "Told by `deploy check --live` for ab, of VirtualServices and DestinationRules of every namespace that may be read: by "
        "short and long names, wildcards, delegates. `deploy plan` and `apply` refuse to start a test beside them.",
        "manifests: [k8s/, istio/routes.yaml]     # with the VirtualService that is live",
        istio.routed_elsewhere,
    ),
    Rule(
        "RW033",
        "error",
        "routes that A/B cannot split",
        "The test could not be told apart from the user's own routes, or would take requests that it was not meant for.",
        "Two DestinationRules for the host (a warning for other strategies: Istio takes the policy of one of them), subsets "
        "whose parts would have no name, a host without HTTP routes, or a match and one of the test's that cannot be written "
        "as one, such as two regular expressions for the same header. A warning where no request can meet both the test's "
        "match and any route's: nothing would come to the variant.",
        "http:\n- match: [{headers: {x-region: {exact: eu}}}]\n  route: [{destination: {host: shop, subset: eu}}]",
        istio.unsplittable,
    ),
    Rule(
        "RW034",
        "error",
        "a value that the API server refuses",
        "The release would end half-way, at the object that cannot be applied.",
        "Types, enumerations, quantities, names that are there twice, requests above limits, mounts without a volume: of the "
        "kinds whose fields are known. `8080` and `on` are a number and a truth value until they are quoted.",
        'env: [{name: PORT, value: "8080"}]',
        fields.refused,
    ),
    Rule(
        "RW035",
        "error",
        "two versions that one Service cannot serve",
        "While both versions run, one of them gets no requests, or is asked at a port where it does not listen.",
        "Told by `deploy check --live` where the selector, a targetPort or the pods' labels change with the version, by ramped, "
        "canary and ab. A named port lets each version's pods have their own number; labels that stay reach both. "
        "Where one form of the Service serves both, plans take it for as long as both run, and nothing is told.",
        "ports: [{port: 80, targetPort: http}]     # and {name: http, containerPort: …} in both versions",
        changes.one_service_for_two,
    ),
    Rule(
        "RW036",
        "error",
        "a Deployment's selector that changes",
        "The API server refuses it: a strategy that rolls the application's own Deployment in place cannot end in it.",
        "Told by `deploy check --live`. The version belongs into the pods' labels, not into what the Deployment selects by. "
        "blue-green, canary and ab make the side anew that serves nobody, and so can change it. Of a "
        "StatefulSet its claim templates, its serviceName and "
        "the order of its pods cannot be changed either.",
        "selector: {matchLabels: {app: shop}}     # without version",
        changes.selector_changes,
    ),
    Rule(
        "RW037",
        "warning",
        "a key that is there twice",
        "Whoever changes one of the two changes nothing, or not what is read.",
        "Of two with different values the file is refused. The fix takes away the second.",
        "spec: {selector: {app: shop}}     # and no second selector",
        fields.twice,
    ),
    Rule(
        "RW038",
        "error",
        "configuration that is not there",
        "The new pods never start: their volumes or variables are from an object, or a key of one, that there is not.",
        "An object of the manifests without the key, or one that neither the manifests nor the cluster have (`--live`). Without "
        "a cluster a name that the manifests lack is for information; nothing is told of one that a custom resource of the "
        "manifests names, which may make it, nor of what is optional.",
        "valueFrom: {configMapKeyRef: {name: shop, key: mode}}     # and data: {mode: …} in ConfigMap shop",
        references.missing,
    ),
    Rule(
        "RW039",
        "error",
        "a name that is too long with its suffix",
        "The release stops half-way: the API server refuses what the strategy makes beside the application.",
        "A Service's name has 63 characters at most, and blue-green makes `<name>-preview` beside the application's own; it, "
        "canary and ab make a second Deployment.",
        "metadata: {name: shop}     # at most 55 characters for blue-green",
        naming.too_long,
    ),
    Rule(
        "RW040",
        "warning",
        "pods that fit no node",
        "The new pods stay Pending for ever, and the release fails at its deadline.",
        "Needs the cluster's nodes (`--live`): more CPU or memory than the largest has, or a nodeSelector that none meets. A "
        "warning, as nodes may be made when they are needed.",
        "resources: {requests: {cpu: 500m, memory: 256Mi}}",
        capacity.fits_nowhere,
    ),
    Rule(
        "RW041",
        "error",
        "a gate's query that is no PromQL",
        "Nothing is ever measured: the release waits at its first pause until the gate's deadline.",
        "Brackets, functions and their arguments, types, regular expressions, as Prometheus has them. What only another server "
        "knows, such as VictoriaMetrics' own functions, is told as well: `# rollway: ignore RW041 because …` above it.",
        "query: 'max(queue_length{pod=~\"{{ pods }}\"})'",
        gating.unreadable,
    ),
    Rule(
        "RW042",
        "error",
        "a gate that counts the same requests again",
        "One error weighs as much as many: good versions are taken back, more often than alpha says.",
        "The sequential judge adds up what each measurement counts, so it has to be of the time since the one before, which is "
        "{{ interval }}, and a number of requests: increase, not rate.",
        "requests: 'sum(increase(http_requests_total{pod=~\"{{ pods }}\"}[{{ interval }}]))'",
        gating.miscounting,
    ),
    Rule(
        "RW043",
        "warning",
        "a gate that cannot decide in its time",
        "A bad version is promoted before the gate can know of it, or a good one waits for a verdict that never comes.",
        "Where traffic.rate is written: the pauses of a canary are too short, or its shares too small, to find ten times as many "
        "errors (5% in place of 0.5%). Or so many measurements are asked for that the pause and the deadline are over before, "
        "or two versions are compared that never get requests at the same time, or it is asked at a share at which the release "
        "does not stop.",
        "traffic: {rate: 20}\nstrategies: {canary: {steps: [{weight: 20, pause: 5m}, {weight: 50, pause: 5m}]}}",
        gating.powerless,
    ),
    Rule(
        "RW044",
        "warning",
        "a hook's Job without a backoffLimit",
        "Whoever runs the Job by hand has it retried six times: a migration that broke half-way is begun anew on what it left.",
        "As a hook it is not retried where it does not say so; Kubernetes' own default is 6.",
        "spec: {backoffLimit: 0}",
        hooks.no_backoff_limit,
    ),
    Rule(
        "RW045",
        "warning",
        "a hook's Job without a deadline",
        "A Job that hangs holds the release up, with its lock, for as long as rollway grants to one that does not say.",
        "That is 10 minutes, and 1 minute before a rollback, behind which users wait. A migration that takes longer would be "
        "ended half-way.",
        "spec: {activeDeadlineSeconds: 300}     # or timeout: 5m beside it in the release file",
        hooks.no_deadline,
    ),
    Rule(
        "RW046",
        "error",
        "a hook's Job that is restarted always",
        "The API server refuses the Job in the middle of the release.",
        "A Job has to end: its pods are restarted on failure or never, and backoffLimit says how often they are replaced.",
        "template: {spec: {restartPolicy: Never}}",
        hooks.restarts_always,
    ),
    Rule(
        "RW047",
        "warning",
        "a hook with another image than the release's",
        "It does what some version would do, not the one that is released: a schema that the new pods do not know.",
        "Containers without an image, or with one of the release's repository, get the image that is released.",
        "before:\n- {name: migrate, command: [./shop, migrate]}     # in the release's own image",
        hooks.other_image,
    ),
    Rule(
        "RW048",
        "error",
        "a hook whose pods a Service chooses",
        "While the Job runs its pods get users' requests, which nothing in them answers.",
        "A Service sends requests to every pod that carries the labels it asks for, whoever made the pod; one without a "
        "readiness probe is ready at once.",
        "template: {metadata: {labels: {job: migrate}}}     # and not the application's",
        hooks.gets_requests,
    ),
    Rule(
        "RW049",
        "error",
        "a router that cannot do what is asked",
        "The release would be refused before its first step.",
        "Requests can be told apart, shared or copied only by what routes them: replicas by no header, ingress-nginx by one, a "
        "route of the Gateway API not by what is missing in a request. docs/routers.md has a table of who can do what.",
        "router: gateway     # with an HTTPRoute to the Service in the manifests",
        routing.refused,
    ),
    Rule(
        "RW050",
        "warning",
        "a route that keeps users on a version",
        "Session persistence binds who has met the new version to it, also at weight 0: a way back does not reach them.",
        "It is experimental in the Gateway API (GEP-1619). Whatever the weights are, a cookie that is there already decides.",
        "rules:\n- backendRefs: [{name: shop, port: 80}]     # without sessionPersistence",
        routing.keeps_users,
    ),
    Rule(
        "RW051",
        "info",
        "an Ingress of ingress-nginx",
        "The controller is retired: faults in it are no longer mended.",
        "Its last release was in March 2026. Told of Ingresses that carry an annotation of it. Both an Ingress and an HTTPRoute "
        "may lead to the Service while users move from one to the other.",
        "kind: HTTPRoute\nspec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: shop, port: 80}]}]}",
        routing.retired,
    ),
    Rule(
        "RW052",
        "warning",
        "an object that another tool keeps as well",
        "In mid-release it may write its own state back: the share is gone, or the old image is there again.",
        "Asked of the cluster (--live): Argo CD, Flux and Helm leave their marks on what they apply. Each has a way to leave "
        "alone what rollway has set; the finding says which. docs/gitops.md has the whole of it.",
        "ignoreDifferences: [{group: '*', kind: '*', managedFieldsManagers: [rollway]}]     # in Argo CD's Application",
        healers.kept,
    ),
    Rule(
        "RW053",
        "warning",
        "more than a GatewayClass says it can",
        "A share of copies, or a cookie that keeps users, may not be there at all, and nobody is told.",
        "Asked of the cluster (--live): a class lists what its implementation supports beyond the core of the Gateway API in "
        "status.supportedFeatures. Where it lists nothing, nothing is said here.",
        "steps: [{weight: 5}, {weight: 50}]     # weights and exact headers are core: every implementation has them",
        routing.beyond_class,
    ),
    Rule(
        "RW054",
        "warning",
        "a StatefulSet's maxUnavailable",
        "Somebody counts on a pace that the rollout does not have: it takes one pod at a time.",
        "The field is behind a feature gate that is off (MaxUnavailableStatefulSet, Kubernetes 1.36): the API server drops it "
        "from what is applied, and says nothing.",
        "updateStrategy: {type: RollingUpdate}     # without maxUnavailable",
        capacity.limit_in_vain,
    ),
    Rule(
        "RW055",
        "warning",
        "a Deployment's podReplacementPolicy",
        "Where the cluster lacks it, the apply is refused for an unknown field, or the field is dropped without a word.",
        "It is an alpha field behind a feature gate (DeploymentPodReplacementPolicy, KEP-5882), and off everywhere by default. "
        "TerminationComplete keeps new pods back until old ones have ended: a rollout may use less than its maxSurge, and takes "
        "longer. With TerminationStarted recreate starts new pods while old ones are still ending. Rehearsals heed it.",
        "spec: {strategy: {rollingUpdate: {maxSurge: 1}}}     # without podReplacementPolicy",
        capacity.alpha_policy,
    ),
    Rule(
        "RW056",
        "info",
        "a live route that router auto goes past",
        "Who comes by it meets the share that pods give, or stays with the version before.",
        "Asked of the cluster (--live), as far as routes may be listed. auto chooses by the manifests alone, so that the same "
        "files give the same plan, a release that is under way keeps its router, and nobody's route is split unasked.",
        "manifests: [app.yaml, route.yaml]     # with the HTTPRoute, VirtualService or Ingress that users come by",
        routing.unseen,
    ),
    Rule(
        "RW057",
        "warning",
        "a route that its Gateway does not serve",
        "Nobody comes by it; a release by it waits for a minute, and is taken back.",
        "Asked of the cluster (--live), in the route's own words: a Gateway that is not there, a listener that does not allow "
        "the namespace or has another host, a class without a controller, a backend that does not resolve.",
        "parentRefs: [{name: edge, namespace: infra}]     # of a listener with allowedRoutes: {namespaces: {from: All}}",
        routes.out_of_force,
    ),
    Rule(
        "RW058",
        "warning",
        "two routes for the same requests",
        "One of them is asked, the older one: who reads the other reads what is not so.",
        "Told of HTTPRoutes and GRPCRoutes of one Gateway, and of Ingresses of one class, that have a host and a match in common "
        "and lead elsewhere, where one of them leads to the release's Service. With --live also of those of others, where they "
        "may be listed.",
        "hostnames: [beta.example.com]     # another host than that of the route that is there already",
        routes.twice,
    ),
    Rule(
        "RW059",
        "warning",
        "a route to a subset that has no pods",
        "Once the release is done, requests that take the route are answered 503.",
        "Told where neither the manifests nor, with --live, other Deployments that are known have pods with the subset's "
        "labels; the version before may have had them. While two versions run, each subset reaches both.",
        "kind: DestinationRule\nspec: {host: shop, subsets: [{name: v1, labels: {app: shop}}]}     # a version is of one release",
        istio.subset_empty,
    ),
    Rule(
        "RW060",
        "warning",
        "a hook of another tool among the manifests",
        "It is made once, beside the pods, and not at the moment that it was written for; a Job that is there is not run again.",
        "By its annotation, `helm.sh/hook` or `argocd.argoproj.io/hook`. A chart that rollway renders comes without its hooks; a "
        "Job that is to run around a release is named under `before`, `after` or `beforeRollback`.",
        "manifests: [{helm: chart/}]     # or what `helm template --no-hooks` writes",
        hooks.of_others,
    ),
)

BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in sorted((*RULES, UNREASONED, UNUSED), key=lambda rule: rule.id)}
