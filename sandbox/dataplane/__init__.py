"""The data plane: what the live objects say of traffic, carried out by Envoy.

    store ──► View, translate (services, ingress, istio, gateway) ──► model.Config ──► render ──► Publisher ──► files ──► Envoy

Everything up to `render` is plain functions on plain data. `plane.DataPlane` holds the pieces together.
"""
