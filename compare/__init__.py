"""Rehearsals: a release run on the embedded cluster in virtual time, under modelled traffic, before the real cluster is touched.

```
Release, Scenario ──► rehearse ──► Recording (pods' lives, what proxies are told) ──► traffic ──► Run ──► Outcome ──► Comparison
```
The release is done by the very code that does it on a real cluster. The traffic is computed from the recording, per interval
between changes, so that its cost does not grow with the rate.
"""
