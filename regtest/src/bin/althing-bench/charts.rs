//! Pictures of a summary, as SVG that a browser shows in its own light or dark colours.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::goals::{self, Goal};
use crate::summary::{Measure, Summary};

const WIDTH: f64 = 860.0;
const LABELS: f64 = 330.0;
const ROW: f64 = 34.0;

/// Draws every chart into a folder.
pub(crate) fn draw(summary: &Summary, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let rates = [
        (&goals::CHANNEL_TRAFFIC, "this hub, 16 votes of a key side by side"),
        (&goals::END_TO_END, "this hub, every key once"),
        (&goals::LOOPBACK, "this hub over BOLT 8, both ends on these cores"),
        (&goals::STRONG_RATE, "strong SQLite server, one by one"),
        (&goals::NAIVE_RATE, "naive SQLite server"),
    ];
    let title = format!("Signed, durable, receipted votes a second on {} cores", summary.machine.cores);
    std::fs::write(folder.join("performance-rates.svg"), bars(summary, &title, "votes/s", &rates))?;
    let times = [
        (&goals::ONE_BY_ONE, "libsecp256k1, one by one"),
        (&goals::BATCH_EACH, "in a batch of 4096"),
        (&goals::INSIDE, "in the hub: signature"),
        (&goals::OUTSIDE, "in the hub: everything else"),
    ];
    let title = "Computing time of one vote";
    std::fs::write(folder.join("performance-vote.svg"), bars(summary, title, "us", &times))?;
    std::fs::write(folder.join("performance-goals.svg"), against_goals(summary))?;
    println!("{}", folder.display());
    Ok(())
}

fn find<'a>(summary: &'a Summary, goal: &Goal) -> Option<&'a Measure> {
    summary.measures.iter().find(|measure| measure.name == goal.name && measure.unit == goal.unit)
}

/// Bars from zero, with a whisker from the least run to the greatest.
fn bars(summary: &Summary, title: &str, unit: &str, rows: &[(&Goal, &str)]) -> String {
    let rows: Vec<(&Measure, &str)> =
        rows.iter().filter_map(|(goal, label)| Some((find(summary, goal)?, *label))).collect();
    let most = rows.iter().map(|(measure, _)| measure.max).fold(1e-9, f64::max);
    let scale = (WIDTH - LABELS - 110.0) / most;
    let mut body = String::new();
    for (index, (measure, label)) in rows.iter().enumerate() {
        let y = 60.0 + index as f64 * ROW;
        let (x, end) = (LABELS, LABELS + measure.median * scale);
        let (low, high) = (LABELS + measure.min * scale, LABELS + measure.max * scale);
        let _ = writeln!(body, r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{label}</text>"#, x - 10.0, y + 16.0);
        let _ =
            writeln!(body, r#"<rect class="bar" x="{x:.0}" y="{y:.0}" width="{:.1}" height="22" rx="2"/>"#, end - x);
        let _ = writeln!(body, r#"<path class="whisker" d="M{low:.1} {0:.0}H{high:.1}"/>"#, y + 11.0);
        let _ = writeln!(
            body,
            r#"<text x="{:.0}" y="{:.0}">{} {unit}</text>"#,
            high.max(end) + 8.0,
            y + 16.0,
            round(measure.median)
        );
    }
    page(summary, title, 60.0 + rows.len() as f64 * ROW, &body)
}

/// Each measure with a goal: how it stands to its floor, which is the line in the middle.
fn against_goals(summary: &Summary) -> String {
    let rows: Vec<(&Measure, &Goal, f64)> = goals::ALL
        .iter()
        .filter_map(|goal| {
            let (measure, floor) = (find(summary, goal)?, goal.floor?);
            let ratio = if goal.less { floor / measure.median } else { measure.median / floor };
            Some((measure, goal, ratio))
        })
        .collect();
    let middle = 560.0;
    // One doubling to each side takes so much room, four at most.
    let place = |ratio: f64| middle + ratio.max(1e-9).log2().clamp(-2.5, 4.0) * 60.0;
    let mut body = String::new();
    for (index, (measure, goal, ratio)) in rows.iter().enumerate() {
        let y = 60.0 + index as f64 * 26.0;
        let (x, class) = (place(*ratio), if *ratio >= 1.0 { "bar" } else { "missed" });
        let (left, width) = (x.min(middle), (x - middle).abs().max(1.0));
        let name = escape(&short(goal.name));
        let _ = writeln!(body, r#"<text class="small" x="400" y="{:.0}" text-anchor="end">{name}</text>"#, y + 14.0);
        let _ =
            writeln!(body, r#"<rect class="{class}" x="{left:.1}" y="{y:.0}" width="{width:.1}" height="18" rx="2"/>"#);
        if let (Some(floor), Some(wanted)) = (goal.floor, goal.goal) {
            let at = place(if goal.less { floor / wanted } else { wanted / floor });
            let _ = writeln!(body, r#"<path class="goal" d="M{at:.1} {:.0}v22"/>"#, y - 2.0);
        }
        let value = format!("{} {}", round(measure.median), escape(&measure.unit));
        let _ =
            writeln!(body, r#"<text class="small" x="{:.1}" y="{:.0}">{value}</text>"#, x.max(middle) + 6.0, y + 14.0);
    }
    let height = 60.0 + rows.len() as f64 * 26.0;
    let _ = writeln!(body, r#"<path class="whisker" d="M{middle} 50V{height:.0}"/>"#);
    page(
        summary,
        "Against the floors (line) and goals (ticks); right is better, a tick's width is a factor",
        height,
        &body,
    )
}

fn short(name: &str) -> String {
    let name = name.split(':').next().unwrap_or(name);
    if name.chars().count() <= 58 { name.to_owned() } else { name.chars().take(57).collect::<String>() + "…" }
}

fn page(summary: &Summary, title: &str, height: f64, body: &str) -> String {
    let foot = format!("{}, commit {}", summary.machine.cpu, summary.commit);
    let (title, foot, all) = (escape(title), escape(&foot), height + 40.0);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {all:.0}" width="{WIDTH}" height="{all:.0}" role="img" aria-label="{title}">
<style>
text {{ font: 14px system-ui, sans-serif; fill: #1f2933; }}
.small {{ font-size: 12px; }}
.title {{ font-size: 17px; font-weight: 600; }}
.bar {{ fill: #2f6f9f; }}
.missed {{ fill: #b4532a; }}
.whisker {{ stroke: #1f2933; stroke-width: 1.5; fill: none; }}
.goal {{ stroke: #7a5c00; stroke-width: 2; fill: none; }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e4e7eb; }} .whisker {{ stroke: #e4e7eb; }} .bar {{ fill: #6fb1de; }} .goal {{ stroke: #e0b84c; }} }}
</style>
<text class="title" x="10" y="28">{title}</text>
{body}<text class="small" x="10" y="{:.0}">{foot}</text>
</svg>
"#,
        height + 28.0
    )
}

fn round(value: f64) -> String {
    match value.abs() {
        1000.0.. => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
