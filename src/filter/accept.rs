//! `[[coverage.accept]]`: a known gap (a broken fixture, an object lost years ago) that must not fail every scan.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Notice, NoticeKind};

/// One accepted gap.
#[derive(Debug, Default)]
pub struct Accept {
    /// Where it stands (`keysweep.toml:12`).
    pub source: String,
    /// The object's id in hex.
    pub object: Option<String>,
    /// The file's path.
    pub path: Option<String>,
    /// Why.
    pub reason: String,
    /// Until when (YYYY-MM-DD, included).
    pub expires: Option<String>,
    /// Whether a gap was accepted by it.
    pub used: AtomicBool,
}

impl Accept {
    fn is_about(&self, notice: &Notice) -> bool {
        let object = self.object.as_ref().is_none_or(|id| notice.object.as_ref() == Some(id));
        let path = self.path.as_ref().is_none_or(|path| notice.path.as_ref() == Some(path));
        object && path && (self.object.is_some() || self.path.is_some())
    }
}

/// Turns accepted gaps into plain notices; tells of acceptances that ran out.
pub fn apply(accepts: &[Accept], notices: &mut Vec<Notice>, today: &str) {
    let mut expired = Vec::new();
    for notice in notices.iter_mut().filter(|notice| notice.gap) {
        let Some(accept) = accepts.iter().find(|accept| accept.is_about(notice)) else { continue };
        let first = !accept.used.swap(true, Ordering::Relaxed);
        match &accept.expires {
            Some(day) if day.as_str() < today => {
                if first {
                    expired.push(
                        Notice::new(
                            NoticeKind::Expired,
                            format!("the accepted gap ({}) ran out on {day}: it counts again", accept.reason),
                        )
                        .at(&accept.source),
                    );
                }
            }
            _ => {
                notice.gap = false;
                notice.message.push_str(&format!(" (accepted in {}: {})", accept.source, accept.reason));
            }
        }
    }
    notices.append(&mut expired);
}

#[cfg(test)]
mod tests {
    use super::{Accept, apply};
    use crate::error::{Notice, NoticeKind};

    #[test]
    fn an_accepted_gap_is_none_until_its_day() {
        let gap = || Notice::new(NoticeKind::Unreadable, "broken").at("a.bin").gap();
        let accept = |expires: &str| {
            vec![Accept {
                path: Some("a.bin".to_owned()),
                reason: "a fixture".to_owned(),
                expires: Some(expires.to_owned()),
                ..Accept::default()
            }]
        };
        let mut notices = vec![gap(), gap().at("b.bin")];
        apply(&accept("2999-01-01"), &mut notices, "2026-01-01");
        assert_eq!(notices.iter().map(|notice| notice.gap).collect::<Vec<_>>(), [false, true]);
        let mut notices = vec![gap()];
        apply(&accept("2020-01-01"), &mut notices, "2026-01-01");
        assert!(notices[0].gap && notices[1].kind == NoticeKind::Expired);
    }
}
