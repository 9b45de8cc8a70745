//! Draws charts of rows as SVG: a line for each system, a mark for each figure, and the names
//! below. They are readable on light and dark backgrounds, and without colours.

use crate::curves::{Axis, Curve};
use crate::report::Row;
use crate::scale::Scale;
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const WIDTH: u32 = 860;
/// The height without the names.
const HEIGHT: u32 = 470;
/// The height of one name.
const LINE: u32 = 22;

/// The colours of the background, the text and the grid. In dark mode, the style below replaces
/// them.
const GROUND: RGBColor = RGBColor(255, 255, 254);
const INK: RGBColor = RGBColor(36, 41, 46);
const GRID: RGBColor = RGBColor(222, 226, 230);
const DARK: &str = "<style>@media (prefers-color-scheme: dark) {\
    [fill=\"#FFFFFE\"] { fill: #14181d } [fill=\"#24292E\"] { fill: #d9dfe5 } \
    [stroke=\"#24292E\"] { stroke: #8b949e } [stroke=\"#DEE2E6\"] { stroke: #30363d } \
    }</style>";

/// Colours that contrast with white, with black and with their neighbours.
const COLOURS: [RGBColor; 10] = [
    RGBColor(29, 120, 216),
    RGBColor(222, 112, 10),
    RGBColor(22, 150, 82),
    RGBColor(214, 64, 96),
    RGBColor(138, 92, 230),
    RGBColor(156, 118, 20),
    RGBColor(12, 148, 168),
    RGBColor(190, 70, 190),
    RGBColor(112, 128, 144),
    RGBColor(110, 150, 20),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Returns the file name of a chart, without its extension.
pub(crate) fn file_name(curve: &Curve) -> String {
    let words = curve
        .work
        .split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// The line of one system: its figures from left to right.
struct Line<'a> {
    system: &'a str,
    points: Vec<(f64, f64)>,
}

/// Draws the chart of these rows. Returns `None` if no system has figures at two points or
/// more.
pub(crate) fn draw(curve: &Curve, rows: &[Row]) -> Result<Option<String>> {
    let lines = lines(curve, rows);
    let slopes =
        |line: &Line<'_>| line.points.first().map(|at| at.0) < line.points.last().map(|at| at.0);
    if !lines.iter().any(slopes) {
        return Ok(None);
    }
    let mut svg = String::new();
    paint(curve, &lines, &mut svg).map_err(|error| anyhow!("cannot draw: {error}"))?;
    // After the first tag.
    let at = svg.find('>').map_or(0, |at| at + 1);
    svg.insert_str(at, DARK);
    svg.push('\n');
    Ok(Some(svg))
}

fn lines<'a>(curve: &Curve, rows: &'a [Row]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    for row in rows {
        if row.work != curve.work || row.unit != curve.unit || !row.value.is_finite() {
            continue;
        }
        let x = match curve.x {
            Axis::Size => f64::from(row.size),
            Axis::Entries => row.entries as f64,
        };
        match lines.iter_mut().find(|line| line.system == row.system) {
            Some(line) => line.points.push((x, row.value)),
            None => lines.push(Line {
                system: &row.system,
                points: vec![(x, row.value)],
            }),
        }
    }
    for line in &mut lines {
        line.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines
}

fn paint(
    curve: &Curve,
    lines: &[Line<'_>],
    svg: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let names = LINE * u32::try_from(lines.len())? + 14;
    let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT + names)).into_drawing_area();
    area.fill(&GROUND)?;
    let (plot, legend) = area.split_vertically(HEIGHT);
    let letters = |size: u32| ("sans-serif", size).into_font().color(&INK);
    let centre = Pos::new(HPos::Center, VPos::Top);
    plot.draw_text(
        curve.title,
        &letters(23).pos(centre),
        (WIDTH.cast_signed() / 2, 12),
    )?;

    let points = || lines.iter().flat_map(|line| &line.points);
    let x = Scale::of_points(points().map(|point| point.0), curve.x == Axis::Size);
    let y = Scale::of_figures(points().map(|point| point.1), curve.unit == "percent");
    let along = format!("{}{}", curve.along, x.in_words());
    let unit = match curve.unit {
        "ns" => "nanoseconds",
        "percent" => "per cent",
        other => other,
    };
    let up = format!("{unit}{}", y.in_words());
    let mut chart = ChartBuilder::on(&plot)
        .margin_top(48)
        .margin_bottom(16)
        .margin_right(28)
        .margin_left(10)
        .x_label_area_size(60)
        .y_label_area_size(84)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(letters(16))
        .axis_desc_style(letters(17))
        .x_desc(along)
        .y_desc(up)
        .draw()?;
    for (number, line) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let points = line.points.iter().copied();
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        for point in &line.points {
            mark(&area, number, chart.backend_coord(point))?;
        }
    }
    // List the names in the order in which the lines end, from the top.
    let mut order: Vec<usize> = (0..lines.len()).collect();
    let end = |at: &usize| lines[*at].points.last().map_or(0.0, |point| point.1);
    order.sort_by(|a, b| end(b).total_cmp(&end(a)));
    let middle = Pos::new(HPos::Left, VPos::Center);
    let mut at = LINE.cast_signed() / 2;
    for number in order {
        let colour = COLOURS[number % COLOURS.len()];
        let stroke = PathElement::new([(84, at), (120, at)], colour.stroke_width(2));
        legend.draw(&stroke)?;
        let place = legend.get_base_pixel();
        mark(&area, number, (102 + place.0, at + place.1))?;
        legend.draw_text(lines[number].system, &letters(17).pos(middle), (130, at))?;
        at += LINE.cast_signed();
    }
    drop(chart);
    area.present()?;
    Ok(())
}

/// Draws the mark of the system with this number, at a position in pixels of the whole image.
fn mark(
    area: &Area<'_>,
    number: usize,
    (x, y): (i32, i32),
) -> Result<(), Box<dyn std::error::Error>> {
    let colour = COLOURS[number % COLOURS.len()];
    let (full, thin) = (colour.filled(), colour.stroke_width(2));
    let square = [(x - 4, y - 4), (x + 4, y + 4)];
    let diamond = vec![(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)];
    match number % 6 {
        0 => area.draw(&Circle::new((x, y), 5, full))?,
        1 => area.draw(&TriangleMarker::new((x, y), 6, full))?,
        2 => area.draw(&Rectangle::new(square, full))?,
        3 => area.draw(&Cross::new((x, y), 4, thin))?,
        4 => area.draw(&Polygon::new(diamond, full))?,
        _ => area.draw(&Circle::new((x, y), 5, thin))?,
    }
    Ok(())
}
