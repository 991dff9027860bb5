"""Run-time support of generated packages: model base, rules, reading, arguments and times."""
