//! The frame of every page in HTML: its policy allows its own style and nothing else, so that even a mistake in escaping
//! could run nothing and ask for nothing.

use std::io::{self, Write};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

/// Begins a page: what comes next stands in its `main`. `title` is markup already.
pub(crate) fn begin(title: &str, style: &str, out: &mut dyn Write) -> io::Result<()> {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style.as_bytes()));
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>"
    )
}

/// Ends it.
pub(crate) fn end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</main>\n</body>\n</html>")
}
