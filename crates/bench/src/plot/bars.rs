use super::scale::Scale;
use super::svg::{HEADING, SMALL, SMALL_MIDDLE, SMALL_RIGHT, width};
use super::{Series, Svg, colour, legend, legend_rows};

/// Horizontal bars from zero: for each category one of each series, with its value and its spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What is shown, with its unit.
    pub title: String,
    /// The names at the left.
    pub categories: Vec<String>,
    /// A value for each category.
    pub series: Vec<Series>,
}

const HEADING_HEIGHT: f64 = 28.0;
const AXIS_HEIGHT: f64 = 22.0;
const BAR_HEIGHT: f64 = 14.0;
const GROUP_GAP: f64 = 8.0;
/// For the value behind the longest bar.
const VALUE_WIDTH: f64 = 90.0;
const GRID: &str = "#ddd";
const INK: &str = "#222";

impl Bars {
    pub(super) fn height(&self) -> f64 {
        HEADING_HEIGHT + self.categories.len() as f64 * self.group_height() + AXIS_HEIGHT
    }

    fn group_height(&self) -> f64 {
        self.series.len() as f64 * BAR_HEIGHT + GROUP_GAP
    }

    pub(super) fn draw(&self, svg: &mut Svg, left: f64, top: f64, total_width: f64) {
        svg.text(left, top + 15.0, HEADING, &self.title);
        let behind_title = 1.3 * width(&self.title) + 30.0;
        let names = self.series.iter().map(|series| series.name.as_str());
        for row in legend_rows(f64::INFINITY, names) {
            legend(svg, left + behind_title, top + 11.0, &row);
        }
        let names_width = self.categories.iter().map(|name| width(name)).fold(0.0, f64::max);
        let axis = left + names_width + 8.0;
        let points = self.series.iter().flat_map(|series| &series.points);
        let high = points.map(|(value, spread)| value + spread).fold(0.0, f64::max);
        let scale = Scale::new(0.0, high, axis, left + total_width - VALUE_WIDTH);
        let (upper, lower) = (top + HEADING_HEIGHT, top + self.height() - AXIS_HEIGHT);
        for (value, text) in scale.ticks() {
            svg.line((scale.at(value), upper), (scale.at(value), lower), GRID, 1.0);
            svg.text(scale.at(value), lower + 15.0, SMALL_MIDDLE, &text);
        }
        for (number, name) in self.categories.iter().enumerate() {
            let y = upper + number as f64 * self.group_height() + GROUP_GAP / 2.0;
            let middle = y + (self.group_height() - GROUP_GAP) / 2.0;
            svg.text(axis - 6.0, middle + 4.0, SMALL_RIGHT, name);
            for (place, series) in self.series.iter().enumerate() {
                if let Some(&point) = series.points.get(number) {
                    draw_bar(svg, &scale, y + place as f64 * BAR_HEIGHT, point, colour(place));
                }
            }
        }
        svg.line((axis, upper), (axis, lower), INK, 1.0);
    }
}

fn draw_bar(svg: &mut Svg, scale: &Scale, y: f64, (value, spread): (f64, f64), colour: &str) {
    let (zero, end) = (scale.at(0.0), scale.at(value));
    let middle = y + BAR_HEIGHT / 2.0;
    svg.rectangle(zero, y + 1.0, end - zero, BAR_HEIGHT - 2.0, colour);
    let (low, high) = (scale.at((value - spread).max(0.0)), scale.at(value + spread));
    if spread > 0.0 {
        svg.line((low, middle), (high, middle), INK, 1.0);
        for x in [low, high] {
            svg.line((x, middle - 3.0), (x, middle + 3.0), INK, 1.0);
        }
    }
    let decimals = if value >= 100.0 { 0 } else { 1 + usize::from(value < 10.0) };
    svg.text(high.max(end) + 6.0, middle + 4.0, SMALL, &format!("{value:.decimals$}"));
}
