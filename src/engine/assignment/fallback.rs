//! What counts when nothing else is set: literals behind `||`, `or`, `.unwrap_or(` and `${NAME:-`.

use super::{Operator, View};

/// The literal that counts when what stands at `at` is not set: `process.env.X || "value"`, `ENV['X'] || 'value'`.
pub(super) fn instead(view: &View<'_>, at: usize) -> Option<usize> {
    const FAR: usize = 64;
    if !view.get(at)?.is_ascii_alphabetic() && view.get(at) != Some(b'$') {
        return None;
    }
    let inside =
        |&at: &usize| view.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.:[]()'\"$>-".contains(&byte));
    let blank = at + (at..at + FAR).take_while(inside).count();
    let sign = view.skip_blanks(blank);
    let stands = [&b"|| "[..], b"?? ", b"?: ", b"or "].iter().any(|word| view.starts(sign, word));
    let literal = view.skip_blanks(sign + 2);
    (stands && blank > at && sign > blank && matches!(view.get(literal), Some(b'"' | b'\'' | b'`'))).then_some(literal)
}

/// A literal behind `||`, `??` or `or`, on the next line too.
pub(super) fn default(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    let at = view.skip_space(at);
    matches!(view.get(at), Some(b'"' | b'\'' | b'`')).then_some((Operator::Default, at))
}

/// Behind what takes the place of a variable that is not set: `env::var("NAME").unwrap_or("value".into())`.
pub(super) fn called(view: &View<'_>, at: usize) -> Option<(Operator, usize)> {
    const CALLS: [&[u8]; 5] = [b".unwrap_or(", b".unwrap_or_else(|_| ", b".getOrElse(", b".orElse(", b".fallback("];
    let call = CALLS.iter().find(|call| view.starts(at, call))?;
    let literal = view.skip_blanks(at + call.len());
    let quoted = matches!(view.get(literal), Some(b'"' | b'\''));
    let made = view.starts(literal, b"String::from(\"") || view.starts(literal, b"format!(\"");
    (quoted || made).then_some((Operator::Default, literal))
}

/// The length of `:-`, `:=` or `:` in `${NAME:-value}`.
pub(super) fn expansion(next: Option<u8>) -> usize {
    if matches!(next, Some(b'-' | b'=')) { 2 } else { 1 }
}
