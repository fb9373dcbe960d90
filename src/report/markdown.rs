//! `markdown`: for a pull request's comment, a wiki or a job summary (`--report markdown=$GITHUB_STEP_SUMMARY`).
//! Nothing that a repository controls can become markup, a link or a mention.

use std::io::{self, Write};

use super::escape::{markdown, markdown_code};
use super::summary::{summary_lines, suppression};
use super::{ReportOptions, summary};
use crate::finding::{Finding, ScanResult};

/// Writes the page.
pub(super) fn write(result: &ScanResult, options: &ReportOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# keysweep\n\n**{}.**\n", markdown(&summary::counts(result)))?;
    let open: Vec<&Finding> = result.open().collect();
    if !open.is_empty() {
        writeln!(out, "| Severity | Credential | Where | Secret | Commit |\n|---|---|---|---|---|")?;
        for finding in &open {
            let commit = finding.commit.as_ref().map(|commit| {
                let id: String = commit.id.chars().take(10).collect();
                format!("{} {}", markdown_code(&id), markdown(commit.date.get(..10).unwrap_or(&commit.date)))
            });
            writeln!(
                out,
                "| {} | {} ({}) | {} | {} | {} |",
                finding.severity.as_str(),
                markdown(&finding.description),
                markdown_code(&finding.rule),
                markdown_code(&place(finding)),
                markdown_code(&finding.redacted),
                commit.unwrap_or_default()
            )?;
        }
        writeln!(out, "\n## What to do\n")?;
        let mut told: Vec<&str> = Vec::new();
        for finding in &open {
            if told.contains(&&*finding.rule) {
                continue;
            }
            told.push(&finding.rule);
            let Some(rule) = options.rules.get(&finding.rule).filter(|rule| !rule.rotate.is_empty()) else { continue };
            write!(out, "- {}: {}", markdown_code(&rule.id), markdown(&rule.rotate))?;
            if rule.link.starts_with("https://") && !rule.link.contains(['>', ' ', '<']) {
                write!(out, " <{}>", rule.link)?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "- Take the value out of the code and read it from a secret store or the environment. Once it was pushed, \
             treat it as known: rotate it first.\n"
        )?;
    }
    let suppressed: Vec<&Finding> = result.suppressed().collect();
    if !suppressed.is_empty() {
        writeln!(out, "## Suppressed\n\n| Credential | Where | Why |\n|---|---|---|")?;
        for finding in suppressed {
            writeln!(
                out,
                "| {} | {} | {} |",
                markdown_code(&finding.rule),
                markdown_code(&place(finding)),
                markdown(&suppression(&finding.status))
            )?;
        }
        writeln!(out)?;
    }
    writeln!(out, "## Coverage\n")?;
    for line in summary_lines(result, true) {
        let words = line.words.strip_prefix("- ").unwrap_or(&line.words);
        writeln!(out, "- {}{}", if line.gap { "**gap** " } else { "" }, markdown(words))?;
    }
    Ok(())
}

fn place(finding: &Finding) -> String {
    format!("{}:{}", super::place::path_or_object(finding), finding.position.start_line)
}

#[cfg(test)]
mod tests {
    use crate::report::{Format, fixture};

    #[test]
    fn a_page_that_nobody_can_break_out_of() {
        let rules = fixture::rules();
        let written = fixture::write(Format::Markdown, &fixture::result(), &fixture::options(&rules, true));
        assert!(!written.contains(fixture::SECRET), "this format has no place for secrets");
        for line in [
            "**3 findings \\(2 critical, 1 high\\), 2 different secrets; 1 suppressed.**",
            "| critical | Test token \\(made up\\) (`test-token`) | `config/app.env:12` | `tst_[redacted; 29 bytes]` | \
             `1a2b3c4d1a` 2024\\-05\\-01 |",
            "| high | Test token \\(made up\\) (`test-key`) | `` h b/=ü\\u{1b}[31m<img src=x>\\|`,\"'%::\\n#.txt:3 `` | \
             `tst_[redacted; 25 bytes]` |  |",
            "- **gap** src/locked.txt&#58; Permission denied; run as a user who may read it",
        ] {
            assert!(written.contains(line), "{line}\n{written}");
        }
    }
}
