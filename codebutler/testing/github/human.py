"""What a person does in the browser: write, edit, review, label, assign, press a button."""

from __future__ import annotations

from codebutler.testing.github import checks, issues, merging, reviews
from codebutler.testing.github.hub import Hub
from codebutler.testing.github.project import Project
from codebutler.types import Json


class Human:
    """One person, in one repository."""

    def __init__(self, project: Project, login: str) -> None:
        """The account is made when it is new."""
        self.project = project
        self.user = project.hub.user(login)

    @property
    def hub(self) -> Hub:
        """The site."""
        return self.project.hub

    def opens(self, title: str, body: str = "") -> int:
        """A new issue; returns its number."""
        return int(issues.open_issue(self.project, self.user, title, body)["number"])

    def says(self, number: int, text: str) -> Json:
        """A comment on an issue or pull request."""
        return issues.add_comment(self.project, self.user, number, text)

    def edits(self, comment: Json, text: str) -> None:
        """Change a comment."""
        issues.change_comment(self.project, self.user, comment, text)

    def rewrites(self, number: int, **changes: str) -> None:
        """Change title, body or state of an issue or pull request."""
        issues.change_issue(self.project, self.user, self.project.issues[number], changes)

    def labels(self, number: int, *names: str) -> None:
        """Put labels on it."""
        issues.add_labels(self.project, self.user, self.project.issues[number], list(names))

    def assigns(self, number: int, *logins: str) -> None:
        """Give it to somebody."""
        issues.assign(self.project, self.user, self.project.issues[number], list(logins))

    def reviews(self, number: int, event: str, body: str = "", *comments: Json) -> Json:
        """A review: APPROVE, REQUEST_CHANGES or COMMENT; ``comments`` with path, line and body."""
        return reviews.add_review(self.project, self.user, number, event, body, comments=list(comments))

    def remarks(self, number: int, path: str, line: int, text: str, *, answers: int | None = None) -> Json:
        """A single comment on a line, or an answer to one."""
        fields = {"body": text, "path": path, "line": line, "in_reply_to_id": answers}
        return reviews.add_review_comment(self.project, self.user, number, fields)

    def checks(
        self, sha: str, name: str, conclusion: str | None, *, log: str = "", identity: int = 0, run: int = 0
    ) -> Json:
        """What CI says of a commit; ``run`` names the workflow's run that the job is part of."""
        return checks.set_check(
            self.project, self.user, sha, name, conclusion, log=log, identity=identity, run=run
        )

    def merges(self, number: int) -> None:
        """Press "Squash and merge", whatever the rules of the base branch say."""
        self.project.look()
        title = f"{self.project.issues[number]['title']} (#{number})\n"
        merging.land(self.project, self.user, self.project.pulls[number], title)

    def comments(self, number: int) -> list[Json]:
        """What is said there, oldest first."""
        end = f"/issues/{number}"
        return [c for c in self.project.comments.values() if c["issue_url"].endswith(end)]
