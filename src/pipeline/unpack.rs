//! What stands inside an item in another form: notices about encodings that were too large.

use crate::engine::decode;
use crate::error::{Notice, NoticeKind};
use crate::finding::Origin;

/// Compressed text in an encoding was cut off for its size.
pub(super) fn decoding_cut(origin: &Origin, length: usize) -> Notice {
    let limit = decode::budget(length);
    let message =
        format!("compressed text in an encoding is larger than {limit} bytes: only its beginning was scanned");
    let mut notice =
        Notice::new(NoticeKind::Budget, message).mend("look into it by hand, and exclude it or accept the gap").gap();
    notice.path = Some(origin.path.clone()).filter(|path| !path.is_empty());
    notice.object.clone_from(&origin.object);
    notice
}
