//! Progress on standard error: nothing for the first half second, then how far the scan is.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::pipeline::Progress;
use crate::report::summary;

/// A scan shorter than this shows none.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks at the counters.
const TICK: Duration = Duration::from_millis(100);

/// Progress that is shown until this is dropped.
pub struct Shown {
    /// Dropped first: that is what the thread waits for.
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Shows `progress` when `wanted`. Nothing is set up before half a second has passed, but a sleeping thread.
pub fn show(wanted: bool, progress: Arc<Progress>) -> Shown {
    if !wanted {
        return Shown { done: None, thread: None };
    }
    let (done, waiting) = mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
        if waiting.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        loop {
            let (items, bytes) = progress.counts();
            bar.set_message(format!("Scanning: {} done, {}", summary::number(items), summary::bytes(bytes)));
            if waiting.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        bar.finish_and_clear();
    });
    Shown { done: Some(done), thread: thread.ok() }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.done = None;
        if let Some(thread) = self.thread.take() {
            // A progress line that failed is not worth failing a scan for.
            let _ = thread.join();
        }
    }
}
