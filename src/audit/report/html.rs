//! `html`: one self-contained page. No script, nothing loaded from anywhere: its policy allows its own style alone.
//! Charts are drawings in the page, filters are check boxes that its style reads. Light and dark, and it prints well.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::csv::standing;
use super::text::count;
use crate::audit::document::{Document, SecretEntry};
use crate::audit::figures::{Bar, duration};
use crate::audit::record::{Run, Standing};
use crate::report::escape::markup;
use crate::report::page;

const STYLE: &str = include_str!("html.css");

/// Places that are listed of one secret; the JSON has all.
const PLACES: usize = 20;

/// Runs that the trend shows.
const RUNS: usize = 90;

/// Writes the page.
pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let (open, closed): (Vec<&SecretEntry>, Vec<&SecretEntry>) =
        document.secrets.iter().partition(|secret| secret.standing == Standing::Open);
    let title = format!("{} open", count(open.len() as u64, "secret"));
    let run = &document.run;
    page::begin(&format!("keysweep audit: {title}"), STYLE, out)?;
    writeln!(
        out,
        "<header><h1>{title}</h1>\n<p class=\"quiet\">keysweep {} &middot; run {} &middot; {}<br>\n\
         {} new, {} reopened, {} closed since the last run; {} of {} covered, {}</p></header>",
        env!("CARGO_PKG_VERSION"),
        run.number,
        run.began,
        run.found,
        run.reopened,
        run.closed,
        run.complete,
        count(run.repositories, "repository"),
        count(run.new_objects, "new object"),
    )?;
    charts(document, out)?;
    open_secrets(&open, out)?;
    if !closed.is_empty() {
        let head = "<th>how</th><th>severity</th><th>rule</th><th>secret</th><th>first seen</th><th>closed</th>\
                    <th>accepted until</th>";
        writeln!(out, "<section><h2>Closed</h2>")?;
        in_pieces("closed", head, &closed, closed_row, out)?;
        writeln!(out, "</section>")?;
    }
    repositories(document, out)?;
    if !document.notices.is_empty() {
        writeln!(out, "<section><h2>Notices</h2>\n<ul>")?;
        for notice in &document.notices {
            let path = notice.path.as_ref().map(|path| format!("{}: ", markup(path))).unwrap_or_default();
            let (class, word) = if notice.gap { (" class=\"gap\"", "not covered: ") } else { ("", "") };
            writeln!(out, "<li{class}>{word}{path}{}</li>", markup(&notice.message))?;
        }
        writeln!(out, "</ul></section>")?;
    }
    page::end(out)
}

fn charts(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let figures = &document.figures;
    writeln!(out, "<section class=\"charts\">")?;
    figure("Open by severity", &bars(&figures.open_by_severity, true), out)?;
    figure("Open by age", &bars(&figures.open_by_age, false), out)?;
    let mut open: Vec<Bar> = document
        .repositories
        .iter()
        .filter(|repository| repository.open > 0)
        .map(|repository| Bar { name: short(&repository.name), count: repository.open })
        .collect();
    open.sort_by(|a, b| (b.count, &a.name).cmp(&(a.count, &b.name)));
    open.truncate(8);
    figure("Open by repository", &bars(&open, false), out)?;
    figure("Open over the last runs", &trend(&document.runs, &document.run), out)?;
    writeln!(
        out,
        "</section>\n<section><h2>Times</h2>\n<table><thead><tr><th></th><th>median</th>\
                   <th>90th percentile</th><th>of</th></tr></thead>\n<tbody>"
    )?;
    for (what, spread) in [("to detect", figures.time_to_detect), ("to close", figures.time_to_remediate)] {
        if spread.count > 0 {
            let (median, p90) = (duration(spread.median), duration(spread.p90));
            writeln!(out, "<tr><td>{what}</td><td>{median}</td><td>{p90}</td><td>{}</td></tr>", spread.count)?;
        }
    }
    writeln!(out, "</tbody></table></section>")
}

fn figure(title: &str, drawing: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<figure><figcaption>{title}</figcaption>{drawing}</figure>")
}

/// The end of a name.
fn short(name: &str) -> String {
    const LONGEST: usize = 22;
    let length = name.chars().count();
    if length <= LONGEST {
        name.to_owned()
    } else {
        format!("…{}", name.chars().skip(length - LONGEST + 1).collect::<String>())
    }
}

fn bars(bars: &[Bar], by_severity: bool) -> String {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let height = bars.len().max(1) * 24;
    let mut svg = format!("<svg viewBox=\"0 0 400 {height}\" role=\"img\">");
    for (at, bar) in bars.iter().enumerate() {
        let (top, width) = (at * 24, (bar.count * 180).div_ceil(most));
        let class = if by_severity { format!(" class=\"{}\"", bar.name) } else { String::new() };
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{}\">{}</text><rect{class} x=\"160\" y=\"{}\" width=\"{width}\" height=\"14\" rx=\"2\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            top + 16,
            markup(&bar.name),
            top + 5,
            168 + width,
            top + 16,
            bar.count
        );
    }
    svg.push_str("</svg>");
    svg
}

fn trend(before: &[Run], this: &Run) -> String {
    let runs: Vec<&Run> = before.iter().filter(|run| !run.ended.is_empty()).chain([this]).collect();
    let runs = &runs[runs.len().saturating_sub(RUNS)..];
    let open = |run: &Run| run.open.values().sum::<u64>();
    let most = runs.iter().map(|run| open(run)).max().unwrap_or(0).max(1);
    let x = |at: usize| 36 + at * 350 / runs.len().saturating_sub(1).max(1);
    let y = |run: &Run| 100 - open(run) * 84 / most;
    let points: Vec<String> = runs.iter().enumerate().map(|(at, run)| format!("{},{}", x(at), y(run))).collect();
    let day = |run: Option<&&Run>| run.and_then(|run| run.began.get(..10)).unwrap_or_default().to_owned();
    let (first, last) = (day(runs.first()), day(runs.last()));
    let dot = runs.last().map(|run| format!("<circle cx=\"{}\" cy=\"{}\" r=\"3\"/>", x(runs.len() - 1), y(run)));
    format!(
        "<svg viewBox=\"0 0 400 120\" role=\"img\"><line x1=\"36\" y1=\"100\" x2=\"390\" y2=\"100\"/>\
         <text x=\"0\" y=\"20\">{most}</text><text x=\"0\" y=\"104\">0</text><polyline points=\"{}\"/>{}\
         <text x=\"36\" y=\"117\">{first}</text><text x=\"390\" y=\"117\" text-anchor=\"end\">{last}</text></svg>",
        points.join(" "),
        dot.unwrap_or_default()
    )
}

fn open_secrets(open: &[&SecretEntry], out: &mut dyn Write) -> io::Result<()> {
    if open.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section><h2>Open</h2>\n<p class=\"filters\">")?;
    let boxes = ["critical", "high", "medium", "low"].map(|name| (name, name));
    for (id, label) in boxes.into_iter().chain([("history", "not in HEAD any more"), ("old", "known before this run")])
    {
        writeln!(out, "<label><input type=\"checkbox\" id=\"f-{id}\" checked> {label}</label>")?;
    }
    writeln!(out, "</p>")?;
    let head = "<th>severity</th><th>rule</th><th>secret</th><th>places</th><th>introduced</th><th>first seen</th>\
                <th>last seen</th>";
    in_pieces("open", head, open, row, out)?;
    writeln!(out, "</section>")
}

/// A table in pieces that are tables of their own, with columns of fixed width: so a browser lays out what is looked at, and
/// not a hundred thousand rows to know how wide a column is.
fn in_pieces<T>(
    class: &str,
    head: &str,
    all: &[T],
    row: impl Fn(&T, &mut dyn Write) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    const ROWS: usize = 100;
    for (at, piece) in all.chunks(ROWS).enumerate() {
        writeln!(out, "<div class=\"more\"><table class=\"{class}\">")?;
        if at == 0 {
            writeln!(out, "<thead><tr>{head}</tr></thead>")?;
        }
        writeln!(out, "<tbody>")?;
        piece.iter().try_for_each(|one| row(one, out))?;
        writeln!(out, "</tbody></table></div>")?;
    }
    Ok(())
}

fn row(secret: &&SecretEntry, out: &mut dyn Write) -> io::Result<()> {
    let severity = secret.severity.as_str();
    let head = if secret.in_head { "" } else { " history" };
    let old = if secret.new { "" } else { " old" };
    let mark = if secret.new { "<br>new" } else { "" };
    let verified =
        secret.verified.as_ref().map_or("", |said| if said.live { "<br>live" } else { "<br>said to be dead" });
    write!(
        out,
        "<tr class=\"{severity}{head}{old}\"><td class=\"level\">{severity}{mark}{verified}</td><td>{}</td>\
         <td class=\"mono\">{}<br><span class=\"quiet\">{}</span></td><td><ul>",
        markup(&secret.rule),
        markup(&secret.redacted),
        secret.secret_id
    )?;
    for entry in secret.places.iter().take(PLACES) {
        let place = &entry.place;
        let what =
            if place.path.is_empty() { format!("({})", place.kind) } else { format!("{}:{}", place.path, place.line) };
        let head = if place.in_head { " (in HEAD)" } else { "" };
        write!(out, "<li>{} <span class=\"mono\">{}</span>{head}</li>", markup(&entry.repository), markup(&what))?;
    }
    if secret.places.len() > PLACES {
        write!(out, "<li>and {} more</li>", secret.places.len() - PLACES)?;
    }
    writeln!(
        out,
        "</ul></td>{}{}{}</tr>",
        day(secret.introduced.as_deref().unwrap_or_default()),
        day(&secret.first_seen),
        day(&secret.last_seen)
    )
}

/// The cell of a date: its day, and all of it for whoever points at it.
fn day(date: &str) -> String {
    format!("<td title=\"{}\">{}</td>", markup(date), markup(date.get(..10).unwrap_or(date)))
}

fn closed_row(secret: &&SecretEntry, out: &mut dyn Write) -> io::Result<()> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    writeln!(
        out,
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"mono\">{}</td>{}{}<td>{}</td></tr>",
        standing(secret.standing),
        secret.severity.as_str(),
        markup(&secret.rule),
        markup(&secret.redacted),
        day(&secret.first_seen),
        day(&text(&secret.closed)),
        markup(&text(&secret.allowed_until))
    )
}

fn repositories(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section><h2>Repositories</h2>\n<table><thead><tr><th>repository</th><th>open</th><th>objects</th>\
         <th>covered whole</th><th>not covered</th></tr></thead>\n<tbody>"
    )?;
    for repository in &document.repositories {
        let complete = if repository.last_complete.is_empty() { "never" } else { &repository.last_complete };
        let formerly = match repository.formerly.last() {
            Some(name) => format!("<br><small>formerly {}</small>", markup(name)),
            None => String::new(),
        };
        writeln!(
            out,
            "<tr><td>{}{formerly}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            markup(&repository.name),
            repository.open,
            repository.objects,
            markup(complete),
            repository.gaps.len()
        )?;
    }
    writeln!(out, "</tbody></table></section>")
}
