"""Benchmark of smsgate beside the official client and beside the HTTP libraries themselves."""
