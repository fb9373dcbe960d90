//! Secrets outside their own line: a commit message that quotes the token, a file named after it. The masks of
//! excerpts cannot know of those, so before a report is written every other text of the result is searched for every
//! secret of the result.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::Notice;
use crate::finding::{Commit, Exclusion, Finding, ScanResult, Status};
use crate::secret::Secret;

/// A secret is recognised by its last so many bytes (prefixes are shared by all of a kind); shorter ones would mask
/// ordinary words.
const KEY: usize = 8;

/// The secrets of a result, by their last bytes, with their masks.
#[derive(Default)]
pub(crate) struct Secrets<'s> {
    known: HashMap<[u8; KEY], Vec<(&'s [u8], &'s str)>>,
}

/// `result` with every secret outside its own line masked; borrowed when there is none.
pub fn scrub(result: &ScanResult) -> Cow<'_, ScanResult> {
    let mut secrets = Secrets::default();
    result.findings.iter().for_each(|finding| secrets.add(finding));
    let clean = !result.findings.iter().any(|finding| secrets.occur_in(finding))
        && !result
            .notices
            .iter()
            .any(|notice| texts_of_notice(&mut notice.clone()).iter().any(|text| secrets.within(text)))
        && !result.exclusions.iter().any(|one| secrets.within(&one.what) || secrets.within(&one.source))
        && !secrets.within(&result.mode);
    if clean {
        return Cow::Borrowed(result);
    }
    let mut scrubbed = result.clone();
    scrubbed.findings.iter_mut().for_each(|finding| secrets.mask_finding(finding));
    scrubbed.notices.iter_mut().flat_map(texts_of_notice).for_each(|text| secrets.mask(text));
    let exclusions = scrubbed.exclusions.iter_mut();
    exclusions.flat_map(|Exclusion { what, source, .. }| [what, source]).for_each(|text| secrets.mask(text));
    secrets.mask(&mut scrubbed.mode);
    Cow::Owned(scrubbed)
}

/// The same for one finding on its way out of a stream, with its own secrets: others are not known yet.
pub(crate) fn scrub_finding(finding: &Finding) -> Cow<'_, Finding> {
    let mut secrets = Secrets::default();
    secrets.add(finding);
    if !secrets.occur_in(finding) {
        return Cow::Borrowed(finding);
    }
    let mut scrubbed = finding.clone();
    secrets.mask_finding(&mut scrubbed);
    Cow::Owned(scrubbed)
}

impl<'s> Secrets<'s> {
    fn add(&mut self, finding: &'s Finding) {
        let parts = finding.parts.iter().map(|part| (&part.secret, &part.redacted));
        for (secret, redacted) in std::iter::once((&finding.secret, &finding.redacted)).chain(parts) {
            let bytes = Secret::expose(secret);
            if let Some(key) = bytes.last_chunk::<KEY>() {
                let same_end = self.known.entry(*key).or_default();
                if !same_end.iter().any(|&(known, _)| known == bytes) {
                    same_end.push((bytes, redacted));
                }
            }
        }
    }

    /// The longest secret that ends at `end` of `text`, and its mask.
    fn ending_at(&self, text: &[u8], end: usize) -> Option<(&'s [u8], &'s str)> {
        let key = text[..end].last_chunk::<KEY>()?;
        let candidates = self.known.get(key)?.iter();
        candidates.filter(|(secret, _)| text[..end].ends_with(secret)).max_by_key(|(secret, _)| secret.len()).copied()
    }

    fn within(&self, text: &str) -> bool {
        (KEY..=text.len()).any(|end| self.ending_at(text.as_bytes(), end).is_some())
    }

    fn occur_in(&self, finding: &Finding) -> bool {
        // Cheap enough for what is reported, and there is one list of fields to keep right.
        self.within(&finding.excerpt) || texts(&mut finding.clone()).iter().any(|text| self.within(text))
    }

    fn mask_finding(&self, finding: &mut Finding) {
        texts(finding).into_iter().for_each(|text| self.mask(text));
        // Round the finding's own mask, so that the mark stays on it.
        let mark = finding.excerpt_mark.clone();
        if let (Some(before), Some(own), Some(after)) =
            (finding.excerpt.get(..mark.start), finding.excerpt.get(mark.clone()), finding.excerpt.get(mark.end..))
        {
            let (mut before, mut after) = (before.to_owned(), after.to_owned());
            self.mask(&mut before);
            self.mask(&mut after);
            finding.excerpt_mark = before.len()..before.len() + own.len();
            finding.excerpt = format!("{before}{own}{after}");
        }
    }

    fn mask(&self, text: &mut String) {
        let mut end = KEY;
        while end <= text.len() {
            let Some((secret, mask)) = self.ending_at(text.as_bytes(), end) else {
                end += 1;
                continue;
            };
            let start = end - secret.len();
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                text.replace_range(start..end, mask);
                end = start + mask.len();
            }
            end += 1;
        }
    }
}

/// Every text of a finding that comes from the repository, but its line: that is masked already.
fn texts(finding: &mut Finding) -> Vec<&mut String> {
    let origin = &mut finding.origin;
    let mut texts = vec![&mut origin.path];
    texts.extend(origin.repository.as_mut());
    texts.extend(origin.member.iter_mut());
    texts.extend(finding.facts.iter_mut().map(|(_, value)| value));
    if let Some(Commit { summary, author, email, refs, other_paths, .. }) = &mut finding.commit {
        texts.extend([summary, author, email]);
        texts.extend(refs.iter_mut().chain(other_paths));
    }
    if let Status::Suppressed { reason, owner, .. } = &mut finding.status {
        texts.extend(reason.iter_mut().chain(owner.iter_mut()));
    }
    texts
}

fn texts_of_notice(notice: &mut Notice) -> Vec<&mut String> {
    let Notice { path, message, mend, .. } = notice;
    std::iter::once(message).chain(path.iter_mut()).chain(mend.iter_mut()).collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::scrub;
    use crate::report::{Format, fixture};

    #[test]
    fn a_result_without_strays_is_not_copied() {
        assert!(matches!(scrub(&fixture::result()), Cow::Borrowed(_)));
    }

    #[test]
    fn messages_names_and_notices_that_quote_a_secret_are_masked() {
        let mut result = fixture::result();
        let quoted = format!("rotate {} and {}", fixture::SECRET, fixture::SECRET);
        result.findings[3].origin.path = format!("keys/{}.txt", fixture::SECRET);
        let commit = result.findings[0].commit.as_mut().expect("a commit");
        commit.summary.clone_from(&quoted);
        commit.refs = vec![format!("refs/heads/{}", fixture::SECRET)];
        result.notices[0].message.clone_from(&quoted);
        result.findings[2].excerpt.insert_str(0, &format!("# {} #", fixture::SECRET));
        let mark = &mut result.findings[2].excerpt_mark;
        let by = fixture::SECRET.len() + 4;
        *mark = mark.start + by..mark.end + by;
        let scrubbed = scrub(&result);
        let commit = scrubbed.findings[0].commit.as_ref().expect("a commit");
        assert_eq!(commit.summary, "rotate tst_[redacted; 29 bytes] and tst_[redacted; 29 bytes]");
        let other = &scrubbed.findings[2];
        assert_eq!(&other.excerpt[other.excerpt_mark.clone()], other.redacted);
        let rules = fixture::rules();
        for format in [Format::Text, Format::Json, Format::Sarif, Format::Html, Format::Gitleaks] {
            let options = crate::report::ReportOptions { verbose: true, ..fixture::options(&rules, false) };
            let written = fixture::write(format, &scrubbed, &options);
            assert!(!written.contains("correcthorse"), "{format:?}: {written}");
        }
    }
}
