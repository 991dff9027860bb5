"""Behind scripts/faults.py: sends, tokens and connections under faults, held against the gateway's books."""
