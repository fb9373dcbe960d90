//! Standard input: buffered whole when it is small, in windows when it is large, so that memory stays bounded.

use std::io::{self, Read};

use super::{Item, Visitor, stream};
use crate::error::{Notice, NoticeKind};
use crate::finding::{Origin, OriginKind};

/// Up to this size the input is scanned in one piece (and UTF-16 is decoded).
const WHOLE: usize = 64 << 20;

/// Scans `input` to its end. `path` is its name in findings; `context` is how far the engine looks to each side.
///
/// # Errors
/// What `input` says, other than an interruption.
pub fn scan(input: &mut dyn Read, path: &str, context: usize, visitor: &mut dyn Visitor) -> io::Result<()> {
    visitor.coverage().kind("inputs").found += 1;
    let mut head = Vec::new();
    io::Read::take(&mut *input, WHOLE as u64).read_to_end(&mut head)?;
    let origin = Origin::new(OriginKind::Stdin, path);
    if head.len() < WHOLE {
        visitor.item(Item::new(origin, &head));
    } else {
        if super::encoding::decode(&head[..256]).encoding.is_some() {
            let message = "standard input is UTF-16 and larger than 64 MB: it was scanned as raw bytes";
            visitor.notice(
                Notice::new(NoticeKind::Malformed, message)
                    .at(path)
                    .mend("scan it as a file, or convert it to UTF-8")
                    .gap(),
            );
        }
        let mut next = |piece: &mut [u8]| loop {
            match input.read(piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        };
        stream::scan(&head, &mut next, &origin, context, visitor)?;
    }
    visitor.coverage().kind("inputs").scanned += 1;
    Ok(())
}
