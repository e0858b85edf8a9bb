"""Pods that are processes of this machine: which, with what environment, watched and probed how, and that none is left behind."""
