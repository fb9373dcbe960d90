//! The moments at which git calls a hook that can stop it.

/// A hook by git's name.
#[allow(clippy::enum_variant_names, reason = "these are git's names")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Stage {
    /// Before a commit
    PreCommit,
    /// Before the commit of a merge without conflicts
    PreMergeCommit,
    /// Before a push
    PrePush,
    /// On a server, before it takes a push
    PreReceive,
}

impl Stage {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::PreCommit, Self::PreMergeCommit, Self::PrePush, Self::PreReceive];
    /// What is installed when nothing is named.
    pub(super) const USUAL: [Self; 3] = [Self::PreCommit, Self::PreMergeCommit, Self::PrePush];

    /// The name of the hook's file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PreMergeCommit => "pre-merge-commit",
            Self::PrePush => "pre-push",
            Self::PreReceive => "pre-receive",
        }
    }

    /// What the hook stops, in words.
    pub(super) fn stops(self) -> &'static str {
        match self {
            Self::PreCommit => "commit",
            Self::PreMergeCommit => "merge",
            Self::PrePush | Self::PreReceive => "push",
        }
    }

    /// Whether git tells the hook on standard input what is going on.
    pub(super) fn reads_input(self) -> bool {
        matches!(self, Self::PrePush | Self::PreReceive)
    }
}
