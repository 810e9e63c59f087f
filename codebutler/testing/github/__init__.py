"""A GitHub on loopback: the REST and GraphQL that are used, real git over smart HTTP, signed webhooks.

hub.py people, tokens, repositories; project.py one repository: issues, pulls, refs; shapes.py JSON of them;
calls.py one call, with issues.py, pulls.py, reviews.py, merging.py, checks.py and people.py, which answer it;
graphql.py; server.py HTTP with limits, ETags and pages; smart.py git; apps.py Apps; hooks.py deliveries;
faults.py what goes wrong on demand; refusals.py errors; human.py what a person does in the browser;
staged.py a stage at it.
"""
