"""The heavy commands that wait for each other, as shipped: how many may run at once, and how they begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Profile(NamedTuple):
    """``match`` are beginnings of commands: a program, and words among its arguments."""

    at_once: int
    match: tuple[str, ...]


AT_ONCE = 1
"""Of a profile of the host's own that does not say."""
SHIPPED: Mapping[str, Profile] = {
    "xcode": Profile(1, ("xcodebuild", "swift build", "swift test", "fastlane")),
    "containers": Profile(1, ("docker build", "docker compose", "podman build", "buildah")),
    "jvm": Profile(2, ("gradle", "gradlew", "mvn", "mvnw", "sbt", "ant")),
    "rust": Profile(2, ("cargo build", "cargo check", "cargo clippy", "cargo run", "cargo test", "rustc")),
    "go": Profile(2, ("go build", "go install", "go test", "go vet")),
    "native": Profile(
        2, ("make", "cmake", "ninja", "meson", "bazel", "msbuild", "dotnet build", "dotnet test")
    ),
    "web": Profile(
        2,
        ("npm run build", "yarn build", "pnpm build", "pnpm run build", "bun run build", "next build",
         "ng build", "vite build", "nuxt build", "webpack", "turbo", "tsc"),
    ),
    "tests": Profile(
        3,
        ("pytest", "tox", "nox", "jest", "vitest", "mocha", "rspec", "phpunit", "ctest", "npm test",
         "npm run test", "yarn test", "pnpm test"),
    ),
}  # fmt: skip
