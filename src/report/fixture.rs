//! What the formats' tests print: a result with everything in it that a format has to get right.

use super::{Format, ReportOptions, write as write_report};
use crate::error::{Notice, NoticeKind};
use crate::finding::{
    Commit, CoverageCount, Exclusion, Finding, Origin, OriginKind, Part, Position, Reason, ScanResult, Severity,
    Status, Summary,
};
use crate::rules::{Method, Rule, RuleSet, Samples};
use crate::secret::Secret;

/// The secret of the first and third finding; nothing like a real one.
pub(crate) const SECRET: &str = "tst_correcthorsebatterystaple";
/// A path that tries to break out of everything.
pub(crate) const HOSTILE: &str = "h b/=ü\u{1b}[31m<img src=x>|`,\"'%::\n#.txt";

pub(crate) fn rules() -> RuleSet {
    let rule = |id: &'static str, severity| Rule {
        id: id.into(),
        provider: "Test".into(),
        description: "Test token (made up)".into(),
        severity,
        confidence: 90,
        literals: Vec::new().into(),
        method: Method::Assigned,
        regex: "".into(),
        secret_group: 0,
        entropy: 0.0,
        keywords: Vec::new().into(),
        words: Vec::new().into(),
        within: 0,
        keywords_required: false,
        validators: Vec::new().into(),
        free_standing: false,
        any_name: false,
        parts: Vec::new().into(),
        part_only: false,
        path: None,
        tags: Vec::new().into(),
        identify: "".into(),
        rotate: "Make a new token, put it where the old one is used, then delete the old one.".into(),
        link: "https://docs.example.invalid/tokens".into(),
        fact: "".into(),
        samples: Samples::Own { examples: Vec::new(), near_misses: Vec::new() },
        tail: Default::default(),
        longest: None,
    };
    RuleSet::from_rules(vec![rule("test-token", Severity::Critical), rule("test-key", Severity::High)])
}

pub(crate) fn options(rules: &RuleSet, show_secrets: bool) -> ReportOptions<'_> {
    ReportOptions { show_secrets, ..ReportOptions::new(rules) }
}

pub(crate) fn write(format: Format, result: &ScanResult, options: &ReportOptions<'_>) -> String {
    let mut out = Vec::new();
    write_report(format, result, options, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn finding(rule: &str, severity: Severity, secret: &str, path: &str, line: u32) -> Finding {
    let redacted = format!("tst_[redacted; {} bytes]", secret.len());
    let excerpt = format!("TOKEN={redacted} # ünï");
    let mut origin = Origin::new(OriginKind::File, path);
    (origin.byte_start, origin.byte_end) = (6, 6 + secret.len() as u64);
    Finding {
        rule: rule.into(),
        provider: "Test".into(),
        description: "Test token (made up)".into(),
        severity,
        confidence: 95,
        reasons: vec![Reason::new(90, "the rule's base"), Reason::new(5, "its checksum holds")],
        origin,
        position: Position {
            start_line: line,
            start_column: 7,
            end_line: line,
            end_column: 7 + secret.len() as u32,
            start_column_byte: 7,
            end_column_byte: 7 + secret.len() as u32,
        },
        commit: None,
        secret: Secret::new(secret.as_bytes()),
        excerpt_mark: 6..6 + redacted.len(),
        redacted,
        excerpt,
        parts: Vec::new(),
        facts: vec![("account".into(), "123456789012".into())],
        entropy: 3.70051,
        tags: vec!["test".into()],
        fingerprint: format!("v1:{:032x}", u64::from(line)),
        secret_id: format!("v1:{:032x}", secret.len()),
        inline_allow: None,
        gives_way: None,
        context_hits: Vec::new(),
        status: Status::Open,
    }
}

/// Three findings of two secrets, one suppressed finding, one gap, one notice, one exclusion.
pub(crate) fn result() -> ScanResult {
    let mut historic = finding("test-token", Severity::Critical, SECRET, "config/app.env", 12);
    (historic.origin.kind, historic.origin.object) = (OriginKind::Blob, Some("ab".repeat(20)));
    historic.origin.repository = Some(".".into());
    historic.commit = Some(Commit {
        id: "1a2b3c4d".repeat(5),
        summary: "Add <config> | @all".into(),
        author: "=Jane \u{1b}[0mDoe".into(),
        email: "jane@example.invalid".into(),
        date: "2024-05-01T12:00:00+02:00".into(),
        refs: vec!["refs/heads/main".into()],
        refs_count: 1,
        in_head: Some(false),
        removed_by: Some("9f".repeat(20)),
        removed_at: Some("2024-05-11T09:00:00Z".into()),
        other_paths: vec!["old/app.env".into()],
        other_paths_count: 1,
        reach: None,
    });
    let mut pair = finding("test-key", Severity::High, "tst_tr0ub4dor&3xyzzyplugh", HOSTILE, 3);
    pair.parts.push(Part {
        rule: "test-id".into(),
        secret: Secret::new(b"tid_swordfishswordfish"),
        redacted: "tid_[redacted; 22 bytes]".into(),
        position: Position {
            start_line: 2,
            start_column: 4,
            end_line: 2,
            end_column: 26,
            start_column_byte: 4,
            end_column_byte: 26,
        },
    });
    let mut accepted = finding("test-token", Severity::Critical, "tst_acceptedacceptedaccepted", "docs/guide.md", 1);
    accepted.status = Status::Suppressed {
        by: "inline".into(),
        reason: Some("sample in the guide".into()),
        owner: Some("docs team".into()),
        expires: Some("2027-01-31".into()),
    };
    let mut result = ScanResult {
        mode: "files .".into(),
        key_id: "public-default".into(),
        started: "2026-11-24T03:00:00Z".into(),
        ended: "2026-11-24T03:00:01Z".into(),
        findings: vec![pair, historic, accepted, finding("test-token", Severity::Critical, SECRET, "src/main.rs", 40)],
        exclusions: vec![Exclusion {
            kind: "path".into(),
            what: "vendor/**".into(),
            source: "keysweep.toml".into(),
            count: 2,
        }],
        notices: vec![
            Notice::new(NoticeKind::Unreadable, "Permission denied")
                .at("src/locked.txt")
                .mend("run as a user who may read it")
                .gap(),
            Notice::new(NoticeKind::Malformed, "The archive ends early").at("data/broken.zip"),
        ],
        summary: Summary { bytes: 12_400_000, rules: 2, seconds: 0.1234 },
        ..ScanResult::default()
    };
    result.coverage.kinds.insert(
        "files".into(),
        CoverageCount { found: 1237, scanned: 1204, skipped: [("git-ignored".to_owned(), 31)].into() },
    );
    result.settle();
    result
}

/// A scan that found nothing and missed nothing.
pub(crate) fn clean() -> ScanResult {
    let mut result = ScanResult { findings: Vec::new(), notices: Vec::new(), ..result() };
    result.settle();
    result
}
