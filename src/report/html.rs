//! `html`: one self-contained page. No script, nothing loaded from anywhere: its policy allows its own style alone, so
//! that even a mistake in escaping could run nothing. Light and dark, and it prints well.

use std::io::{self, Write};

use super::escape::markup;
use super::summary::{summary_lines, suppression};
use super::{ReportOptions, page, summary};
use crate::finding::{Finding, ScanResult, Status};

const STYLE: &str = include_str!("html.css");

/// Writes the page.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let counts = markup(&summary::counts(result));
    page::begin(&format!("keysweep: {counts}"), STYLE, out)?;
    writeln!(out, "<header><h1>{counts}</h1>")?;
    writeln!(out, "<p class=\"quiet\">keysweep {}", env!("CARGO_PKG_VERSION"))?;
    for words in [&result.mode, &result.started].into_iter().filter(|words| !words.is_empty()) {
        writeln!(out, "&middot; {}", markup(words))?;
    }
    writeln!(out, "</p></header>")?;
    findings(result, options, out)?;
    advice(result, options, out)?;
    suppressed(result, out)?;
    writeln!(out, "<section><h2>Coverage</h2>\n<ul>")?;
    for line in summary_lines(result, true) {
        let words = line.words.strip_prefix("- ").unwrap_or(&line.words);
        writeln!(out, "<li{}>{}</li>", if line.gap { " class=\"gap\"" } else { "" }, markup(words))?;
    }
    writeln!(out, "</ul></section>")?;
    page::end(out)
}

fn findings(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut path: Option<String> = None;
    for finding in result.open() {
        let here = place(finding);
        if path.as_ref() != Some(&here) {
            if path.is_some() {
                writeln!(out, "</section>")?;
            }
            writeln!(out, "<section><h2 class=\"path\">{}</h2>", markup(&here))?;
            path = Some(here);
        }
        self::finding(finding, options, out)?;
    }
    if path.is_some() { writeln!(out, "</section>") } else { Ok(()) }
}

fn finding(finding: &Finding, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let severity = finding.severity.as_str();
    writeln!(
        out,
        "<article class=\"{severity}\">\n<h3><span class=\"level\">{severity}</span> {} \
         <span class=\"quiet\">line {}, column {}</span></h3>",
        markup(&finding.description),
        finding.position.start_line,
        finding.position.start_column
    )?;
    let mark = finding.excerpt_mark.clone();
    let pieces =
        [finding.excerpt.get(..mark.start), finding.excerpt.get(mark.clone()), finding.excerpt.get(mark.end..)];
    if let [Some(before), Some(masked), Some(after)] = pieces {
        writeln!(out, "<pre>{}<mark>{}</mark>{}</pre>", markup(before), markup(masked), markup(after))?;
    }
    let mut rows: Vec<(&str, String)> = vec![("Rule", finding.rule.clone())];
    let reasons: Vec<String> =
        finding.reasons.iter().map(|reason| format!("{} ({:+})", reason.text, reason.points)).collect();
    rows.push(("Confidence", format!("{}: {}", finding.confidence, reasons.join(", "))));
    for part in &finding.parts {
        rows.push(("With", format!("{} {} on line {}", part.rule, part.redacted, part.position.start_line)));
    }
    if !finding.origin.decode.is_empty() {
        rows.push(("Decoded", finding.origin.decode.join(" > ")));
    }
    if let Some(commit) = &finding.commit {
        rows.push(("Commit", format!("{} by {} on {}", commit.id, commit.author, commit.date)));
        rows.push(("Message", commit.summary.clone()));
        if let Some(in_head) = commit.in_head {
            rows.push(("In HEAD", if in_head { "yes" } else { "not any more" }.to_owned()));
        }
    }
    for (name, value) in &finding.facts {
        rows.push((name, value.clone()));
    }
    if !finding.fingerprint.is_empty() {
        rows.push(("Fingerprint", finding.fingerprint.clone()));
    }
    writeln!(out, "<dl>")?;
    for (name, value) in rows {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", markup(name), markup(&value))?;
    }
    if let Some(link) = options.rules.get(&finding.rule).map(|rule| &*rule.link).filter(|link| is_link(link)) {
        writeln!(out, "<dt>More</dt><dd><a href=\"{0}\" rel=\"noreferrer\">{0}</a></dd>", markup(link))?;
    }
    writeln!(out, "</dl>\n</article>")
}

fn advice(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut told: Vec<&str> = Vec::new();
    for finding in result.open() {
        if told.contains(&&*finding.rule) {
            continue;
        }
        if told.is_empty() {
            writeln!(out, "<section><h2>What to do</h2>\n<ul>")?;
        }
        told.push(&finding.rule);
        if let Some(rule) = options.rules.get(&finding.rule).filter(|rule| !rule.rotate.is_empty()) {
            writeln!(out, "<li><code>{}</code> {}</li>", markup(&rule.id), markup(&rule.rotate))?;
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<li>Take the value out of the code and read it from a secret store or the environment. Once it was pushed, \
         treat it as known: rotate it first.</li>\n</ul></section>"
    )
}

fn suppressed(result: &ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = result.suppressed().peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "<section><h2>Suppressed</h2>\n<table>\n<tr><th>Rule</th><th>Where</th><th>Why</th></tr>")?;
    for finding in rows {
        debug_assert!(finding.status != Status::Open);
        writeln!(
            out,
            "<tr><td>{}</td><td>{}:{}</td><td>{}</td></tr>",
            markup(&finding.rule),
            markup(&place(finding)),
            finding.position.start_line,
            markup(&suppression(&finding.status))
        )?;
    }
    writeln!(out, "</table></section>")
}

fn place(finding: &Finding) -> String {
    let mut place = super::place::path_or_object(finding);
    for member in &finding.origin.member {
        place.push_str(" > ");
        place.push_str(member);
    }
    place
}

/// Only the web's own schemes become links.
fn is_link(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use crate::report::{Format, fixture};

    #[test]
    fn a_page_without_script_that_nobody_can_break_out_of() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Html, &fixture::result(), &fixture::options(&rules, true));
        assert!(!written.contains(fixture::SECRET), "this format has no place for secrets");
        assert!(written.contains("<pre>TOKEN=<mark>tst_[redacted; 29 bytes]</mark> # ünï</pre>"), "{written}");
        assert!(written.contains("h b/=ü\\u{1b}[31m&lt;img src=x&gt;|`,&quot;&#39;%::\\n#.txt"), "{written}");
        assert!(!written.contains("<script") && !written.contains("<img") && !written.contains('\u{1b}'));
        for element in ["section", "article", "dl", "ul", "table", "main"] {
            let opened =
                written.matches(&format!("<{element}>")).count() + written.matches(&format!("<{element} ")).count();
            assert_eq!(opened, written.matches(&format!("</{element}>")).count(), "{element}");
        }
    }
}
