//! The charts: cost against group size, both on logarithmic scales, one panel for each operation.

use std::path::Path;

use cenacle_cli::bench::{BenchError, Operation, Tree};
use plotters::{coord::Shift, prelude::*};

use super::{
    other,
    report::{FLOOR, OURS, Report},
};

/// The panels, in three columns and two rows.
pub(crate) const PANELS: [Operation; 6] = [
    Operation::ProcessCommit,
    Operation::CommitUpdate,
    Operation::Join,
    Operation::Encrypt64,
    Operation::Decrypt64,
    Operation::Create,
];
const SIZE: (u32, u32) = (1_320, 880);
const HEAD: u32 = 64;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn color(peer: &str) -> RGBColor {
    match peer {
        OURS => RGBColor(0, 92, 185),
        FLOOR => RGBColor(120, 120, 120),
        "openmls" => RGBColor(214, 96, 0),
        "openmls-libcrux" => RGBColor(150, 30, 110),
        _ => RGBColor(0, 130, 80),
    }
}

/// Draws all panels for one kind of tree.
pub(crate) fn draw(path: &Path, report: &Report, tree: Tree, peers: &[&str]) -> Result<(), BenchError> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(other)?;
    let (head, body) = root.split_vertically(HEAD);
    let all: Vec<&str> = [OURS].into_iter().chain(peers.iter().copied()).chain([FLOOR]).collect();
    let time = if report.by_wall_time { "Wall" } else { "CPU" };
    draw_head(&head, &format!("{time} time of one operation against group size, {} tree, suite 1", tree.name()), &all)?;
    for (area, operation) in body.split_evenly((2, 3)).iter().zip(PANELS) {
        draw_panel(area, report, tree, operation, &all)?;
    }
    root.present().map_err(other)
}

fn draw_head(head: &Area<'_>, title: &str, peers: &[&str]) -> Result<(), BenchError> {
    head.draw(&Text::new(title.to_owned(), (24, 12), ("sans-serif", 20))).map_err(other)?;
    let mut x = 24;
    for peer in peers {
        let style = color(peer).stroke_width(3);
        head.draw(&PathElement::new(vec![(x, 50), (x + 28, 50)], style)).map_err(other)?;
        head.draw(&Text::new((*peer).to_owned(), (x + 36, 43), ("sans-serif", 15))).map_err(other)?;
        x += 170;
    }
    Ok(())
}

fn time_label(micros: &f64) -> String {
    match *micros {
        micros if micros >= 1e6 => format!("{} s", micros / 1e6),
        micros if micros >= 1e3 => format!("{} ms", micros / 1e3),
        micros => format!("{micros} µs"),
    }
}

fn draw_panel(
    area: &Area<'_>,
    report: &Report,
    tree: Tree,
    operation: Operation,
    peers: &[&str],
) -> Result<(), BenchError> {
    let lines: Vec<_> = peers.iter().map(|peer| (*peer, report.costs(peer, tree, operation))).collect();
    let every = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let (low, high) = every().fold((f64::MAX, 0.0f64), |(low, high), (_, cost)| (low.min(cost), high.max(cost)));
    let largest = every().fold(2.0f64, |largest, (n, _)| largest.max(n));
    if low > high {
        return Ok(());
    }
    let (bottom, top) = (10f64.powf(low.log10().floor()), 10f64.powf(high.log10().ceil()).max(low * 10.0));
    let mut chart = ChartBuilder::on(area)
        .caption(operation.name(), ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d((1.8..largest * 1.2).log_scale(), (bottom..top).log_scale())
        .map_err(other)?;
    chart
        .configure_mesh()
        .x_desc("members")
        .x_label_formatter(&|n| format!("{n}"))
        .y_label_formatter(&time_label)
        .light_line_style(RGBColor(235, 235, 235))
        .draw()
        .map_err(other)?;
    for (peer, points) in lines {
        let style = color(peer).stroke_width(if peer == OURS { 3 } else { 2 });
        let dots = points.iter().map(|point| Circle::new(*point, 3, color(peer).filled())).collect::<Vec<_>>();
        chart.draw_series(LineSeries::new(points, style)).map_err(other)?;
        chart.draw_series(dots).map_err(other)?;
    }
    Ok(())
}
