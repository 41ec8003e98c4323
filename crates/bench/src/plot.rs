//! Plots as SVG, written by hand: bars with their spread, and lines over a quantity.

mod bars;
mod lines;
mod scale;
mod svg;

pub use bars::Bars;
pub use lines::{Guide, Line, Lines};
pub use scale::Spacing;
pub use svg::Svg;

/// Values of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Each value with its spread to both sides, which may be 0.
    pub points: Vec<(f64, f64)>,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel {
    /// Bars, one group for each category.
    Bars(Bars),
    /// Lines over a quantity.
    Lines(Lines),
}

/// Colours that people who do not see red and green as others do tell apart (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#555555"];

/// The colour of the series with this number.
fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

const PAGE_WIDTH: f64 = 900.0;
const MARGIN: f64 = 24.0;
const TITLE_HEIGHT: f64 = 48.0;
const GAP: f64 = 28.0;
const PANEL_WIDTH: f64 = PAGE_WIDTH - 2.0 * MARGIN;

/// Panels below each other, as the text of an SVG file.
pub fn page(title: &str, panels: &[Panel]) -> String {
    let heights: Vec<f64> = panels.iter().map(Panel::height).collect();
    let height = TITLE_HEIGHT + heights.iter().map(|height| height + GAP).sum::<f64>();
    let mut svg = Svg::new(PAGE_WIDTH, height);
    svg.text(MARGIN, 32.0, svg::TITLE, title);
    let mut top = TITLE_HEIGHT;
    for (panel, height) in panels.iter().zip(heights) {
        match panel {
            Panel::Bars(bars) => bars.draw(&mut svg, MARGIN, top, PANEL_WIDTH),
            Panel::Lines(lines) => lines.draw(&mut svg, MARGIN, top, PANEL_WIDTH),
        }
        top += height + GAP;
    }
    svg.finish()
}

impl Panel {
    fn height(&self) -> f64 {
        match self {
            Self::Bars(bars) => bars.height(),
            Self::Lines(lines) => lines.height(),
        }
    }
}

/// The names of the series with their numbers, in rows that are not wider than `room`; none where there is only
/// one series.
fn legend_rows<'a>(room: f64, names: impl ExactSizeIterator<Item = &'a str>) -> Vec<Vec<(usize, &'a str)>> {
    let mut rows: Vec<Vec<(usize, &str)>> = Vec::new();
    let mut used = 0.0;
    if names.len() < 2 {
        return rows;
    }
    for (number, name) in names.enumerate() {
        if rows.is_empty() || used + legend_width(name) > room {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += legend_width(name);
        if let Some(row) = rows.last_mut() {
            row.push((number, name));
        }
    }
    rows
}

/// Draws a row of names side by side, from `left` on.
fn legend(svg: &mut Svg, left: f64, middle: f64, row: &[(usize, &str)]) {
    let mut x = left;
    for (number, name) in row {
        svg.rectangle(x, middle - 5.0, 10.0, 10.0, colour(*number));
        svg.text(x + 15.0, middle + 4.0, svg::SMALL, name);
        x += legend_width(name);
    }
}

fn legend_width(name: &str) -> f64 {
    15.0 + svg::width(name) + 18.0
}

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
