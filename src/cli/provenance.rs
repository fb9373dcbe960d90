//! Which repository is scanned, for reports that say so: what the CI tells, else what the repository itself knows.

use crate::report::Provenance;

/// The repository, its commit and its branch; `None` when nobody knows its address.
pub(super) fn find() -> Option<Provenance> {
    from_ci(|name| std::env::var(name).ok().filter(|value| !value.is_empty())).or_else(from_git)
}

fn from_ci(variable: impl Fn(&str) -> Option<String>) -> Option<Provenance> {
    let github = || {
        let server = variable("GITHUB_SERVER_URL")?;
        let repository = variable("GITHUB_REPOSITORY")?;
        Some((format!("{server}/{repository}"), variable("GITHUB_SHA"), variable("GITHUB_REF_NAME")))
    };
    let gitlab = || Some((variable("CI_PROJECT_URL")?, variable("CI_COMMIT_SHA"), variable("CI_COMMIT_REF_NAME")));
    let azure = || {
        Some((variable("BUILD_REPOSITORY_URI")?, variable("BUILD_SOURCEVERSION"), variable("BUILD_SOURCEBRANCHNAME")))
    };
    let (address, revision, branch) = github().or_else(gitlab).or_else(azure)?;
    Some(Provenance { repository_uri: without_credentials(&address)?, revision, branch })
}

#[cfg(feature = "git")]
fn from_git() -> Option<Provenance> {
    let repository = git2::Repository::discover(".").ok()?;
    let remote = repository.find_remote("origin").ok()?;
    let head = repository.head().ok();
    Some(Provenance {
        repository_uri: without_credentials(remote.url().ok()?)?,
        revision: head.as_ref().and_then(git2::Reference::target).map(|id| id.to_string()),
        branch: head.filter(git2::Reference::is_branch).and_then(|head| head.shorthand().ok().map(str::to_owned)),
    })
}

#[cfg(not(feature = "git"))]
fn from_git() -> Option<Provenance> {
    None
}

/// The address as a URI without user and password; `None` when it is no address on the network (a path would tell
/// about the machine).
fn without_credentials(address: &str) -> Option<String> {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme @ ("http" | "https" | "ssh" | "git"), rest)) => (scheme, rest.to_owned()),
        Some(_) => return None,
        // git's short form of ssh: user@host:path
        None => {
            let (host, path) = address.split_once(':')?;
            if !host.contains('@') || host.contains(['/', '\\']) {
                return None;
            }
            ("ssh", format!("{host}/{}", path.trim_start_matches('/')))
        }
    };
    let (host, path) = rest.split_once('/').unwrap_or((&rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    // A query or fragment may hold a token.
    let path = path.split(['?', '#']).next().unwrap_or("");
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
    (!host.is_empty() && plain(host) && plain(path)).then(|| format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::{from_ci, without_credentials};

    #[test]
    fn addresses_lose_their_credentials() {
        for (address, expected) in [
            ("https://user:pass@git.example.invalid/team/app.git", Some("https://git.example.invalid/team/app.git")),
            ("git@git.example.invalid:team/app.git", Some("ssh://git.example.invalid/team/app.git")),
            ("https://git.example.invalid/app?private_token=x", Some("https://git.example.invalid/app")),
            ("/srv/git/app.git", None),
            ("file:///srv/git/app.git", None),
            ("C:/git/app", None),
        ] {
            assert_eq!(without_credentials(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn the_ci_knows_first() {
        let known = from_ci(|name| match name {
            "CI_PROJECT_URL" => Some("https://gitlab.example.invalid/team/app".to_owned()),
            "CI_COMMIT_SHA" => Some("ab".repeat(20)),
            _ => None,
        });
        let known = known.expect("a repository");
        assert_eq!(known.repository_uri, "https://gitlab.example.invalid/team/app");
        assert_eq!((known.revision, known.branch), (Some("ab".repeat(20)), None));
    }
}
