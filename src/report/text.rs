//! `text`: for people at a terminal. Grouped by file; the line with its secret masked and underlined; then what to do,
//! once per rule; then what was scanned and what was not.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use super::escape::visible;
use super::layout::{keep_end, keep_start, wrap};
use super::summary::{summary_lines, suppression};
use super::{ReportOptions, summary};
use crate::finding::{Finding, ScanResult, Severity};

/// Where a finding's details begin.
const INDENT: &str = "      ";
/// Narrower than this is not honoured: nothing would fit.
const LEAST_WIDTH: usize = 40;

/// Writes everything: findings, advice, summary.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { options, width: options.width.max(LEAST_WIDTH) };
    let mut path = None;
    for finding in result.open() {
        let place = page.place(finding);
        if path.as_ref() != Some(&place) {
            let gap = if path.is_some() { "\n" } else { "" };
            writeln!(out, "{gap}{}", page.paint(Style::new().bold(), &place))?;
            path = Some(place);
        }
        out.write_all(page.finding(finding).as_bytes())?;
    }
    if options.quiet {
        return Ok(());
    }
    if path.is_some() {
        writeln!(out)?;
        page.advice(result, out)?;
    }
    if options.verbose {
        page.suppressed(result, out)?;
    }
    page.summary(result, out)
}

/// Styles and width of one report.
struct Page<'p> {
    options: &'p ReportOptions<'p>,
    width: usize,
}

impl Page<'_> {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.options.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn dim(&self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    fn severity(&self, severity: Severity) -> String {
        self.paint(severity_style(severity), severity.as_str())
    }

    /// What findings are grouped by: the file, with its place inside an archive or a repository.
    fn place(&self, finding: &Finding) -> String {
        let origin = &finding.origin;
        let mut place = if origin.path.is_empty() {
            format!("{} {}", origin.kind.as_str(), origin.object.as_deref().unwrap_or(""))
        } else {
            origin.path.clone()
        };
        for member in &origin.member {
            place.push_str(" > ");
            place.push_str(member);
        }
        visible(place.trim_end()).into_owned()
    }

    fn finding(&self, finding: &Finding) -> String {
        let mut text = String::new();
        let position = finding.position;
        let at = format!("{}:{}", position.start_line, position.start_column);
        let description = visible(&finding.description);
        let used = 2 + at.len() + 2 + finding.severity.as_str().len() + 2;
        let mut lines = wrap(&description, self.width.saturating_sub(used).max(20)).into_iter();
        let _ = writeln!(text, "  {at}  {}  {}", self.severity(finding.severity), lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{INDENT}{line}");
        }
        self.excerpt(finding, &mut text);
        let expired = finding.facts.iter().find(|(name, _)| name == "expired");
        let expired = expired.map(|(_, day)| format!(", expired on {}", visible(day))).unwrap_or_default();
        self.detail(&mut text, &format!("{}, confidence {}{expired}", visible(&finding.rule), finding.confidence));
        if !finding.origin.decode.is_empty() {
            self.detail(&mut text, &format!("decoded: {}", visible(&finding.origin.decode.join(" > "))));
        }
        for part in &finding.parts {
            let place = format!("{}:{}", part.position.start_line, part.position.start_column);
            let shown = self.clear(&part.secret, &part.redacted);
            self.detail(&mut text, &format!("with {} {shown} at {place}", visible(&part.rule)));
        }
        if let Some(commit) = &finding.commit {
            self.detail(&mut text, &commit_line(commit));
        }
        if self.options.verbose {
            self.more(finding, &mut text);
        }
        text
    }

    /// The line, shortened to the width round the secret, and a line under the secret.
    fn excerpt(&self, finding: &Finding, text: &mut String) {
        let mark = finding.excerpt_mark.clone();
        let (Some(before), Some(masked), Some(after)) =
            (finding.excerpt.get(..mark.start), finding.excerpt.get(mark.clone()), finding.excerpt.get(mark.end..))
        else {
            return;
        };
        let gutter = self.dim("|");
        let masked = if masked.is_empty() { String::new() } else { self.clear(&finding.secret, masked) };
        let room = self.width.saturating_sub(INDENT.len() + 2);
        // The secret first, then as much before it as leaves a third of the rest for what comes after.
        let masked = keep_start(&masked, room);
        let rest = room - masked.width();
        let after_least = after.width().min(rest / 3);
        let before = keep_end(before, rest - after_least);
        let after = keep_start(after, rest - before.width());
        let style = severity_style(finding.severity);
        let _ = writeln!(text, "{INDENT}{gutter} {before}{}{after}", self.paint(style, &masked));
        if !masked.is_empty() {
            let line = "^".repeat(masked.width());
            let _ = writeln!(text, "{INDENT}{gutter} {}{}", " ".repeat(before.width()), self.paint(style, &line));
        }
    }

    /// A secret as the options allow: in clear or masked.
    fn clear(&self, secret: &crate::secret::Secret, masked: &str) -> String {
        if self.options.show_secrets {
            visible(&String::from_utf8_lossy(secret.expose())).into_owned()
        } else {
            visible(masked).into_owned()
        }
    }

    /// A dim line below a finding.
    fn detail(&self, text: &mut String, words: &str) {
        for line in wrap(words, self.width.saturating_sub(INDENT.len())) {
            let _ = writeln!(text, "{INDENT}{}", self.dim(&line));
        }
    }

    /// What `-v` adds.
    fn more(&self, finding: &Finding, text: &mut String) {
        for reason in &finding.reasons {
            self.detail(text, &format!("{:+} {}", reason.points, visible(&reason.text)));
        }
        for (name, value) in &finding.facts {
            self.detail(text, &format!("{}: {}", visible(name), visible(value)));
        }
        if let Some(commit) = &finding.commit {
            self.detail(text, &format!("commit {}: {}", visible(&commit.id), visible(&commit.summary)));
            let lists =
                [("on", &commit.refs, commit.refs_count), ("also at", &commit.other_paths, commit.other_paths_count)];
            for (label, list, count) in lists {
                if !list.is_empty() {
                    let more = count.saturating_sub(list.len() as u64);
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    self.detail(text, &format!("{label} {}{more}", visible(&list.join(", "))));
                }
            }
            if let Some(removed) = &commit.removed_by {
                self.detail(text, &format!("removed by {}", visible(removed)));
            }
        }
        if let Some(object) = &finding.origin.object {
            self.detail(text, &format!("object {}", visible(object)));
        }
        if !finding.fingerprint.is_empty() {
            self.detail(text, &format!("fingerprint {}", visible(&finding.fingerprint)));
        }
    }

    /// What to do, once per rule in the order of their first finding.
    fn advice(&self, result: &ScanResult, out: &mut dyn Write) -> io::Result<()> {
        let mut told: Vec<&str> = Vec::new();
        writeln!(out, "{}", self.paint(Style::new().bold(), "What to do"))?;
        for finding in result.open() {
            if told.contains(&&*finding.rule) {
                continue;
            }
            told.push(&finding.rule);
            let Some(rule) = self.options.rules.get(&finding.rule) else { continue };
            if rule.rotate.is_empty() && rule.link.is_empty() {
                continue;
            }
            writeln!(out, "  {}", visible(&finding.rule))?;
            for line in wrap(&visible(&rule.rotate), self.width - 4) {
                writeln!(out, "    {line}")?;
            }
            if !rule.link.is_empty() {
                writeln!(out, "    {}", self.dim(&visible(&rule.link)))?;
            }
        }
        let general = "Take the value out of the code and read it from a secret store or the environment. Once it was \
                       pushed, treat it as known: rotate it first. A false alarm? Write `keysweep:allow RULE reason` \
                       in a comment on its line.";
        for line in wrap(general, self.width - 2) {
            writeln!(out, "  {line}")?;
        }
        writeln!(out)
    }

    /// With `-v`, what somebody accepted.
    fn suppressed(&self, result: &ScanResult, out: &mut dyn Write) -> io::Result<()> {
        let mut any = false;
        for finding in result.suppressed() {
            if !any {
                writeln!(out, "{}", self.paint(Style::new().bold(), "Suppressed"))?;
                any = true;
            }
            let position = finding.position;
            let line = format!(
                "{}:{}:{} {} ({})",
                self.place(finding),
                position.start_line,
                position.start_column,
                visible(&finding.rule),
                visible(&suppression(&finding.status))
            );
            writeln!(out, "  {line}")?;
        }
        if any { writeln!(out) } else { Ok(()) }
    }

    fn summary(&self, result: &ScanResult, out: &mut dyn Write) -> io::Result<()> {
        let worst = result.open().map(|finding| finding.severity).max();
        let style = worst.map_or(Style::new().bold().fg_color(Some(AnsiColor::Green.into())), severity_style);
        writeln!(out, "{}.", self.paint(style, &summary::counts(result)))?;
        for line in summary_lines(result, self.options.verbose) {
            let style = if line.gap { Style::new().fg_color(Some(AnsiColor::Yellow.into())) } else { Style::new() };
            for (index, words) in wrap(&line.words, self.width - 2).into_iter().enumerate() {
                writeln!(out, "{}{}", if index > 0 { "  " } else { "" }, self.paint(style, &words))?;
            }
        }
        Ok(())
    }
}

fn commit_line(commit: &crate::finding::Commit) -> String {
    let id: String = commit.id.chars().take(10).collect();
    let mut words = format!("commit {}", visible(&id));
    if !commit.author.is_empty() {
        words.push_str(&format!(" by {}", visible(&commit.author)));
    }
    if !commit.date.is_empty() {
        words.push_str(&format!(" on {}", visible(commit.date.get(..10).unwrap_or(&commit.date))));
    }
    match (commit.in_head, &commit.reach) {
        (_, Some(reach)) => words.push_str(&format!(", {}", visible(reach))),
        (Some(true), None) => words.push_str(", still in HEAD"),
        (Some(false), None) => words.push_str(", not in HEAD any more"),
        (None, None) => {}
    }
    words
}

fn severity_style(severity: Severity) -> Style {
    let (color, bold) = match severity {
        Severity::Critical => (AnsiColor::Red, true),
        Severity::High => (AnsiColor::Red, false),
        Severity::Medium => (AnsiColor::Yellow, false),
        Severity::Low => (AnsiColor::Blue, false),
    };
    let style = Style::new().fg_color(Some(color.into()));
    if bold { style.bold() } else { style }
}

#[cfg(test)]
mod tests {
    use crate::report::{Format, ReportOptions, fixture};

    fn written(change: impl FnOnce(&mut ReportOptions<'_>)) -> String {
        let rules = fixture::rules();
        let mut options = fixture::options(&rules, false);
        change(&mut options);
        fixture::write(Format::Text, &fixture::result(), &options)
    }

    #[test]
    fn the_page() {
        let expected = "\
config/app.env
  12:7  critical  Test token (made up)
      | TOKEN=tst_[redacted; 29 bytes] # ünï
      |       ^^^^^^^^^^^^^^^^^^^^^^^^
      test-token, confidence 95
      commit 1a2b3c4d1a by =Jane \\u{1b}[0mDoe on 2024-05-01, not in HEAD any
      more

h b/=ü\\u{1b}[31m<img src=x>|`,\"'%::\\n#.txt
  3:7  high  Test token (made up)
      | TOKEN=tst_[redacted; 25 bytes] # ünï
      |       ^^^^^^^^^^^^^^^^^^^^^^^^
      test-key, confidence 95
      with test-id tid_[redacted; 22 bytes] at 2:4

src/main.rs
  40:7  critical  Test token (made up)
      | TOKEN=tst_[redacted; 29 bytes] # ünï
      |       ^^^^^^^^^^^^^^^^^^^^^^^^
      test-token, confidence 95

What to do
  test-token
    Make a new token, put it where the old one is used, then delete the old one.
    https://docs.example.invalid/tokens
  test-key
    Make a new token, put it where the old one is used, then delete the old one.
    https://docs.example.invalid/tokens
  Take the value out of the code and read it from a secret store or the
  environment. Once it was pushed, treat it as known: rotate it first. A false
  alarm? Write `keysweep:allow RULE reason` in a comment on its line.

3 findings (2 critical, 1 high), 2 different secrets; 1 suppressed.
Scanned 1,204 files, 12.4 MB, with 2 rules in 0.12 s.
Left out: 31 files (git-ignored), 2 vendor/** (keysweep.toml).
Incomplete: 1 gap. What could not be scanned:
- src/locked.txt: Permission denied; run as a user who may read it
Note: data/broken.zip: The archive ends early
";
        assert_eq!(written(|_| ()), expected);
    }

    #[test]
    fn quiet_is_the_findings_alone_and_verbose_says_why() {
        let quiet = written(|options| options.quiet = true);
        assert!(quiet.ends_with("test-token, confidence 95\n"), "{quiet}");
        let verbose = written(|options| options.verbose = true);
        for words in [
            "+90 the rule's base",
            "+5 its checksum holds",
            "on refs/heads/main",
            "also at old/app.env",
            "docs/guide.md:1:7 test-token (inline; sample in the guide; by docs team; until 2027-01-31)",
        ] {
            assert!(verbose.contains(words), "{words}: {verbose}");
        }
    }

    #[test]
    fn every_line_fits_the_width_and_the_mark_stays_under_the_secret() {
        use unicode_width::UnicodeWidthStr as _;
        let rules = fixture::rules();
        let mut result = fixture::result();
        for finding in &mut result.findings {
            let before = "名前 = ".repeat(30);
            let by = before.len();
            finding.excerpt = format!("{before}{}{}", finding.excerpt, " and so on".repeat(20));
            finding.excerpt_mark = finding.excerpt_mark.start + by..finding.excerpt_mark.end + by;
        }
        for width in [40, 55, 80, 200] {
            let options = ReportOptions { width, verbose: true, ..fixture::options(&rules, false) };
            let text = fixture::write(Format::Text, &result, &options);
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.windows(2).filter(|pair| pair[1].contains("^^^")) {
                let (masked, marked) = (pair[0], pair[1]);
                assert!(masked.width() <= width, "{masked}");
                let start = masked.find("tst_[").expect("the mask");
                assert_eq!(masked[..start].width(), marked.find('^').expect("the mark"), "{masked}\n{marked}");
            }
        }
    }

    #[test]
    fn colours_only_when_asked_and_never_from_the_content() {
        assert!(!written(|_| ()).contains('\u{1b}'));
        assert!(written(|options| options.color = true).contains('\u{1b}'));
    }

    #[test]
    fn a_clean_scan_is_two_lines() {
        let rules = fixture::rules();
        let text = fixture::write(Format::Text, &fixture::clean(), &fixture::options(&rules, false));
        assert!(text.starts_with("No findings.\nScanned 1,204 files"), "{text}");
    }

    #[test]
    fn secrets_are_shown_when_asked() {
        assert!(!written(|options| options.verbose = true).contains(fixture::SECRET));
        assert!(written(|options| options.show_secrets = true).contains(fixture::SECRET));
    }
}
