"""Starts the executor: ``python -I -S tools/ CONFIG``, where CONFIG is the JSON of ``workspace.Config``."""

import sys

import server

if __name__ == "__main__":
    sys.exit(server.main(sys.argv[1:]))
