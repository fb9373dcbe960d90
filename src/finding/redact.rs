//! Masks: what may be shown of a secret and of the line it stands on.
//!
//! Of a secret only the rule's public prefix (`ghp_`) is ever shown. Of a line, every candidate on it is masked,
//! shown or not, so that one finding's excerpt never leaks its neighbour.

use std::ops::Range;

/// Longest excerpt, in characters.
pub const EXCERPT_CHARACTERS: usize = 240;

/// `secret` with all but its first `public_prefix` bytes replaced: `ghp_[redacted; 40 bytes]`.
pub fn mask(secret: &[u8], public_prefix: usize) -> String {
    let prefix = &secret[..public_prefix.min(secret.len() / 3)];
    let mut masked = String::new();
    if prefix.iter().all(|byte| byte.is_ascii_graphic()) {
        masked.push_str(&String::from_utf8_lossy(prefix));
    }
    masked.push_str(&format!("[redacted; {} bytes]", secret.len()));
    masked
}

/// A shortened line and where the secret (or its mask) stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, masked and cleaned.
    pub text: String,
    /// Bytes of `text` to underline; empty when the secret cannot be shown as one piece.
    pub mark: Range<usize>,
}

/// Farther from the secret nothing is shown, in bytes.
const EXCERPT_REACH: usize = 8 << 10;

/// The line `line` of `text` with each span of `masks` (byte offsets in `text`, with its mask) replaced, control
/// characters shown as `·`, shortened round the secret at `focus` to [`EXCERPT_CHARACTERS`].
pub fn excerpt(text: &[u8], line: Range<usize>, focus: Range<usize>, masks: &[(Range<usize>, String)]) -> Excerpt {
    // Of a line of megabytes with thousands of secrets only what is near matters.
    let near = focus.start.saturating_sub(EXCERPT_REACH)..focus.start.saturating_add(EXCERPT_REACH);
    let line = line.start.max(near.start)..line.end.min(near.end).max(line.start.max(near.start));
    // Masking comes before shortening: a cut never falls inside a secret.
    let reach = EXCERPT_CHARACTERS / 2;
    let mut low = line.start.max(focus.start.saturating_sub(reach));
    let mut high = line.end.min(focus.start.saturating_add(reach)).max(low);
    let on_line = |span: &Range<usize>| span.start < span.end && span.end > line.start && span.start < line.end;
    let mut spans: Vec<&(Range<usize>, String)> = masks.iter().filter(|(span, _)| on_line(span)).collect();
    spans.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
    while let Some((span, _)) = spans.iter().find(|(span, _)| {
        (span.start.max(line.start) < low && span.end > low) || (span.start < high && span.end.min(line.end) > high)
    }) {
        low = low.min(span.start.max(line.start));
        high = high.max(span.end.min(line.end));
    }
    let mut shown = Excerpt::default();
    if low > line.start {
        shown.text.push('…');
    }
    let mut at = low;
    let mut latest = 0..0;
    for (span, mask) in spans {
        if span.end <= low || span.start >= high {
            continue;
        }
        if span.start > at {
            push_clean(&mut shown.text, &text[at..span.start]);
        }
        // A span inside another is hidden by the outer one's mask.
        if span.start >= at || at == low {
            let start = shown.text.len();
            shown.text.push_str(mask);
            latest = start..shown.text.len();
        }
        at = span.end.max(at);
        if *span == focus {
            shown.mark = latest.clone();
        }
    }
    if at < high {
        push_clean(&mut shown.text, &text[at..high]);
    }
    if high < line.end {
        shown.text.push('…');
    }
    shown
}

/// Appends `bytes` as text; control characters (terminal escapes among them) become `·`, tabs a space.
fn push_clean(out: &mut String, bytes: &[u8]) {
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '\t' => out.push(' '),
            character if character.is_control() || is_bidirectional(character) => out.push('·'),
            character => out.push(character),
        }
    }
}

/// Characters that turn the reading direction: a hostile line could show other text than it holds.
pub(crate) fn is_bidirectional(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{excerpt, mask};

    #[test]
    fn mask_shows_at_most_the_public_prefix() {
        assert_eq!(mask(b"ghp_abcdefghijklmnop", 4), "ghp_[redacted; 20 bytes]");
        assert_eq!(mask(b"short", 4), "s[redacted; 5 bytes]");
    }

    #[test]
    fn excerpt_masks_every_candidate_and_escapes() {
        let text = b"a=SECRET1 b=SECRET2\x1b[31m\n";
        let masks = [(2..9, "X".to_owned()), (12..19, "Y".to_owned())];
        let shown = excerpt(text, 0..24, 12..19, &masks);
        assert_eq!(shown.text, "a=X b=Y·[31m");
        assert_eq!(&shown.text[shown.mark], "Y");
    }

    #[test]
    fn excerpt_hides_overlapping_candidates_whole() {
        let text = b"k=OUTERINNERREST tail";
        let masks = [(2..12, "X".to_owned()), (7..16, "Y".to_owned())];
        let shown = excerpt(text, 0..21, 7..16, &masks);
        assert_eq!(shown.text, "k=X tail");
        assert_eq!(&shown.text[shown.mark], "X", "the mask that hides it is marked");
    }
}
