"""What runs pods: the kubelet, what a pod does and says, and how far it has come."""
