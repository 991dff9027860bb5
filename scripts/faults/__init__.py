"""Fault tests: sends, token refreshes and connections, compared with the messages that the gateway stored."""
