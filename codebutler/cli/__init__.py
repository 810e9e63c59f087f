"""What a person types. main.py finds the command; each other module is one command or a part that some share.

A command's module has HELP, configure(parser) and run(args) -> exit code.
"""
