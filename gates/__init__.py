"""What decides whether a release may go on: figures in, verdicts out. No I/O, no clock, no cluster."""
