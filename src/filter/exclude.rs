//! Excluded paths: globs with the meaning `.gitignore` gives them, each counted and told as an exclusion.

use std::sync::atomic::{AtomicU64, Ordering};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::finding::Exclusion;

/// One glob and where it was asked for.
#[derive(Debug)]
struct Glob {
    text: String,
    source: String,
    matcher: Gitignore,
    count: AtomicU64,
}

/// The excluded paths of a scan. `!glob` takes back what an earlier one excluded.
#[derive(Debug, Default)]
pub struct Excludes {
    globs: Vec<Glob>,
}

impl Excludes {
    /// Adds a glob.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, glob: &str, source: &str) -> Result<(), String> {
        let mut builder = GitignoreBuilder::new("");
        builder.add_line(None, glob).map_err(|error| error.to_string())?;
        let matcher = builder.build().map_err(|error| error.to_string())?;
        self.globs.push(Glob { text: glob.to_owned(), source: source.to_owned(), matcher, count: AtomicU64::new(0) });
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The glob that excludes `path` (with `/`, relative to the root), and where it stands. Counts nothing.
    pub fn find(&self, path: &str) -> Option<(&str, &str)> {
        self.glob(path).map(|glob| (glob.text.as_str(), glob.source.as_str()))
    }

    /// Whether `path` is excluded; counted.
    pub fn excludes(&self, path: &str) -> bool {
        let glob = self.glob(path);
        if let Some(glob) = glob {
            glob.count.fetch_add(1, Ordering::Relaxed);
        }
        glob.is_some()
    }

    /// The glob that excludes the path (a folder's ends with `/`): top down, since what lies in an excluded folder
    /// cannot be taken back, as in git.
    fn glob(&self, path: &str) -> Option<&Glob> {
        let path = path.trim_start_matches('/');
        let folders = path.match_indices('/').map(|(end, _)| (&path[..end], true));
        let file = (!path.ends_with('/')).then_some((path, false));
        folders.chain(file).find_map(|(part, is_folder)| {
            let (glob, matched) = self.globs.iter().rev().find_map(|glob| {
                let matched = glob.matcher.matched(part, is_folder);
                (!matched.is_none()).then_some((glob, matched))
            })?;
            matched.is_ignore().then_some(glob)
        })
    }

    /// What was left out, with counts.
    pub fn exclusions(&self) -> Vec<Exclusion> {
        self.globs
            .iter()
            .map(|glob| Exclusion {
                kind: "path".to_owned(),
                what: glob.text.clone(),
                source: glob.source.clone(),
                count: glob.count.load(Ordering::Relaxed),
            })
            .filter(|exclusion| exclusion.count > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Excludes;

    #[test]
    fn globs_mean_what_gitignore_says() {
        let mut excludes = Excludes::default();
        for glob in ["vendor/", "*.min.js", "/top.txt", "docs/**", "!docs/keep.md"] {
            excludes.add(glob, "flag").expect("a glob");
        }
        for path in ["vendor/", "vendor/a", "x/vendor/b/c", "a.min.js", "top.txt", "docs/a/b"] {
            assert!(excludes.excludes(path), "{path}");
        }
        for path in ["vendors/a", "x/top.txt", "docs/keep.md", "a.js", "vendor"] {
            assert!(!excludes.excludes(path), "{path}");
        }
        assert_eq!(excludes.exclusions().iter().map(|exclusion| exclusion.count).sum::<u64>(), 6);
        assert!(excludes.add("[z-a]", "flag").is_err());
    }
}
