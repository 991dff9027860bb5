"""Commands of the ``smsgate`` program, one module each; heavy packages are imported when a command runs."""
