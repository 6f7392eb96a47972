"""The one place that knows AGI, AMI and panoramisk: the callers' lines and the switch, as the ports describe them."""
