"""Starts the executor: ``python -I -S tools/ CONFIG``, where CONFIG is the JSON of ``workspace.Config``.

``python -I -S tools/ guest SPEC`` starts another program in its place (guest.py).
"""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["guest"]:
        import guest

        guest.main(sys.argv[2])
    import server

    sys.exit(server.main(sys.argv[1:]))
