"""Commands as one types them, shown below each verb's help. A test sees to it that every one of them is understood."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "init": (
        ("deploy init k8s/", "from manifests"),
        ("deploy init --from-live shop -n shop", "from a Deployment that runs"),
    ),
    "check": (
        ("deploy check", "what would lose requests"),
        ("deploy check --diff", "what --fix would write"),
        ("deploy check RW004", "a rule, explained"),
    ),
    "plan": (
        ("deploy plan canary --to 50% --image ghcr.io/acme/shop:1.4.1", "half of the requests"),
        ("deploy plan --rollback", "what going back would do"),
        ("deploy plan --out plan.json", "for `deploy apply plan.json`"),
    ),
    "apply": (
        ("deploy apply --image ghcr.io/acme/shop:1.4.1", "to the first pause"),
        ("deploy apply blue-green", "by another strategy"),
        ("deploy apply --auto --probe http://shop.example.com/ --max-lost 0", "all the way; back at the first loss"),
        ("deploy apply -f services/ --parallel 8", "several releases"),
    ),
    "promote": (
        ("deploy promote", "the next step"),
        ("deploy promote canary --to 50%", "half of the requests"),
        ("deploy promote --full", "everybody"),
    ),
    "rollback": (
        ("deploy rollback", "to the version before, or out of a release"),
        ("deploy rollback --to-revision 3", "see `deploy history`"),
    ),
    "status": (("deploy status -o json", "for scripts"),),
    "history": (("deploy history -o json", "for scripts"),),
    "wait": (("deploy wait --for promoted --timeout 10m", "in a pipeline"),),
    "probe": (
        ("deploy probe http://shop.example.com/ --rate 40 --duration 60s", "a minute"),
        ("deploy probe http://127.0.0.1:8080/ --max-lost 0", "until Ctrl-C; exit code 1 at a loss"),
    ),
    "compare": (
        ("deploy compare --rate 200", "every strategy, side by side"),
        ("deploy compare --bad 500s", "with a version that answers wrongly"),
        ("deploy compare ramped --sweep maxSurge=1,25%,50%", "one option's values"),
        ("deploy compare --live --calibrate --report report.html", "from what is live, as a page"),
    ),
    "rbac": (("deploy rbac --strategy canary --service-account ci/deployer", "who may release, and no more"),),
    "render": (("deploy render blue-green", "what would be applied"),),
    "demo": (("deploy demo blue-green", "another strategy's story"),),
}


def epilog(verb: str) -> str | None:
    """As Click prints it unchanged: a paragraph that begins with \\b."""
    known = EXAMPLES.get(verb)
    if not known:
        return None
    lines = [line for command, remark in known for line in (f"  {command}", f"      {remark}")]
    return "\b\nExamples:\n" + "\n".join(lines)
