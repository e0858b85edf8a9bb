"""What is no request and answer: exec, attach and port-forward, over WebSockets and over SPDY."""
