//! The plots, as SVG: cost and rate beside HAProxy, and latency by percentile where the load was equal.

use anyhow::{Result, anyhow};
use plotters::{
    coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged},
    prelude::*,
};

use crate::{
    results::{Results, Row},
    subject::HAPROXY,
    trial::Finding,
};

const WIDTH: u32 = 1100;
const HEIGHT: u32 = 420;

/// Told apart by people with any colour vision (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(120, 120, 120),
];

/// (file name, SVG) of each plot for which there are results.
pub(super) fn all(results: &Results) -> Result<Vec<(String, String)>> {
    let mut plots = Vec::new();
    let costs = "CPU time of one unit of work (memory, for idle connections), haproxy = 1: less is better";
    plots.extend(bars(results, costs, |finding| finding.cost)?.map(|svg| ("cost.svg".to_owned(), svg)));
    let rates = "Rate, haproxy = 1: more is better";
    plots.extend(bars(results, rates, |finding| finding.rate)?.map(|svg| ("rate.svg".to_owned(), svg)));
    for row in results.rows.iter().filter(|row| row.per_second.is_some()) {
        plots.push((format!("latency-{}.svg", row.scenario), latencies(results, row)?));
    }
    Ok(plots)
}

/// Bars of every scenario and subject, relative to the reference. None without a scenario that the reference has done.
fn bars(results: &Results, title: &str, part: fn(&Finding) -> f64) -> Result<Option<String>> {
    let mut groups = Vec::new();
    for row in &results.rows {
        let median = |subject: &str| Some(row.cell(subject)?.spread(part)?.median).filter(|value| *value > 0.0);
        let Some(reference) = median(HAPROXY) else { continue };
        let relative = |known: &crate::results::Known| median(&known.name).map(|value| value / reference);
        groups.push((row.scenario, results.subjects.iter().map(relative).collect::<Vec<_>>()));
    }
    let highest = groups.iter().flat_map(|(_, bars)| bars).flatten().copied().fold(1.0_f64, f64::max);
    if groups.is_empty() {
        return Ok(None);
    }
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
    let names: Vec<&str> = groups.iter().map(|(name, _)| *name).collect();
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(50)
            .build_cartesian_2d(Groups(groups.len()), 0.0..highest * 1.3)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(groups.len())
            .x_label_formatter(&|position| names.get(position.floor() as usize).unwrap_or(&"").to_string())
            .x_label_style(("sans-serif", 11))
            .draw()?;
        let width = 0.8 / results.subjects.len() as f64;
        for (index, known) in results.subjects.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let bars = groups.iter().enumerate().filter_map(|(group, (_, bars))| {
                let left = group as f64 + 0.1 + index as f64 * width;
                Some(Rectangle::new([(left, 0.0), (left + width, bars[index]?)], colour.filled()))
            });
            chart
                .draw_series(bars)?
                .label(known.name.clone())
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
        }
        chart.draw_series(LineSeries::new([(0.0, 1.0), (groups.len() as f64, 1.0)], BLACK.mix(0.5)))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
        Ok(())
    };
    draw().map_err(|error| anyhow!("plot: {error}"))?;
    drop(area);
    Ok(Some(svg))
}

/// Latency by percentile, the median of the rounds for each; the axis stretches towards the rare ones.
fn latencies(results: &Results, row: &Row) -> Result<String> {
    let curves: Vec<(String, Vec<(f64, f64)>)> = row
        .cells
        .iter()
        .map(|cell| {
            let rounds: Vec<&Finding> = cell.findings.iter().flatten().collect();
            let points = rounds.first().map_or(0, |finding| finding.percentiles.len());
            let at = |point: usize| {
                let values = rounds.iter().filter_map(|finding| finding.percentiles.get(point));
                let spread = crate::statistics::Spread::of(values.clone().map(|(_, nanoseconds)| *nanoseconds as f64))?;
                Some((nines(values.clone().next()?.0), spread.median / 1e3))
            };
            (cell.subject.clone(), (0..points).filter_map(at).collect())
        })
        .collect();
    let highest = curves.iter().flat_map(|(_, curve)| curve).map(|(_, y)| *y).fold(100.0, f64::max);
    let rate = row.per_second.unwrap_or_default();
    let title = format!("{}: latency in µs by percentile, {rate:.0} requests per second", row.scenario);
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..4.0_f64, (10.0..highest * 1.2).log_scale())?;
        chart
            .configure_mesh()
            .x_labels(5)
            .x_label_formatter(&|nines| format!("{} %", 100.0 - 100.0 / 10_f64.powf(*nines)))
            .y_label_formatter(&|microseconds| format!("{microseconds:.0}"))
            .draw()?;
        for (name, curve) in &curves {
            let index = results.subjects.iter().position(|known| known.name == *name).unwrap_or(0);
            let colour = COLOURS[index % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(curve.iter().copied(), colour.stroke_width(2)))?
                .label(name.clone())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
        Ok(())
    };
    draw().map_err(|error| anyhow!("plot: {error}"))?;
    drop(area);
    Ok(svg)
}

/// 90 → 1, 99 → 2, 99.9 → 3.
fn nines(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

/// An axis of so many groups, each one wide, with its label in the middle.
struct Groups(usize);

impl Ranged for Groups {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        low + (value / self.0 as f64 * f64::from(high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        (0..self.0).map(|group| group as f64 + 0.5).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        0.0..self.0 as f64
    }
}

impl plotters::coord::ranged1d::ValueFormatter<f64> for Groups {}
