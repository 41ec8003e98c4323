use super::scale::{Scale, Spacing};
use super::svg::{HEADING, SMALL, SMALL_MIDDLE, SMALL_RIGHT, width};
use super::{PANEL_WIDTH, Svg, colour, legend, legend_rows};

/// Lines over a quantity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// What is shown, with its unit.
    pub title: String,
    /// What it is shown over, with its unit.
    pub over: String,
    /// How that quantity is spaced.
    pub spacing: Spacing,
    /// Where the upright axis begins.
    pub lowest: f64,
    /// Values of the quantity that are marked.
    pub guides: Vec<Guide>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A value that is marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// Where it is.
    pub at: f64,
    /// What is written at it.
    pub name: String,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What the legend calls it.
    pub name: String,
    /// Where it goes through, from left to right.
    pub points: Vec<(f64, f64)>,
}

const HEADING_HEIGHT: f64 = 28.0;
/// A row of the legend, and the room below it.
const LEGEND_ROW: f64 = 18.0;
const LEGEND_GAP: f64 = 10.0;
const PLOT_HEIGHT: f64 = 240.0;
const AXIS_HEIGHT: f64 = 40.0;
const AXIS_WIDTH: f64 = 56.0;
/// More points than this are drawn without a dot at each.
const DOTS_MAX: usize = 40;
const GRID: &str = "#ddd";
const INK: &str = "#222";

impl Lines {
    pub(super) fn height(&self) -> f64 {
        HEADING_HEIGHT + self.legend_height() + PLOT_HEIGHT + AXIS_HEIGHT
    }

    pub(super) fn draw(&self, svg: &mut Svg, left: f64, top: f64, total_width: f64) {
        svg.text(left, top + 15.0, HEADING, &self.title);
        let (axis, right) = (left + AXIS_WIDTH, left + total_width - width("0000"));
        for (row, names) in self.legend().iter().enumerate() {
            legend(svg, axis, top + HEADING_HEIGHT + (row as f64 + 0.5) * LEGEND_ROW, names);
        }
        let upper = top + HEADING_HEIGHT + self.legend_height();
        let lower = upper + PLOT_HEIGHT;
        let (across, up) = self.scales((axis, right), (lower, upper));
        for (value, text) in up.ticks() {
            svg.line((axis, up.at(value)), (right, up.at(value)), GRID, 1.0);
            svg.text(axis - 6.0, up.at(value) + 4.0, SMALL_RIGHT, &text);
        }
        for (value, text) in across.ticks() {
            svg.line((across.at(value), lower), (across.at(value), lower + 4.0), INK, 1.0);
            svg.text(across.at(value), lower + 17.0, SMALL_MIDDLE, &text);
        }
        svg.text((axis + right) / 2.0, lower + 35.0, SMALL_MIDDLE, &self.over);
        for (number, line) in self.lines.iter().enumerate() {
            let places: Vec<(f64, f64)> =
                line.points.iter().map(|&(x, y)| (across.at(x), up.at(y))).collect();
            svg.path(&places, colour(number));
            if places.len() <= DOTS_MAX {
                places.iter().for_each(|&place| svg.dot(place, colour(number)));
            }
        }
        for guide in &self.guides {
            let x = across.at(guide.at);
            svg.dashed((x, upper), (x, lower), INK);
            // On the side where there is more room.
            let is_left = x < (axis + right) / 2.0;
            let (x, attributes) = if is_left { (x + 5.0, SMALL) } else { (x - 5.0, SMALL_RIGHT) };
            svg.text(x, lower - 8.0, attributes, &guide.name);
        }
        svg.line((axis, upper), (axis, lower), INK, 1.0);
        svg.line((axis, lower), (right, lower), INK, 1.0);
    }

    fn legend(&self) -> Vec<Vec<(usize, &str)>> {
        legend_rows(PANEL_WIDTH - AXIS_WIDTH, self.lines.iter().map(|line| line.name.as_str()))
    }

    fn legend_height(&self) -> f64 {
        self.legend().len() as f64 * LEGEND_ROW + LEGEND_GAP
    }

    /// Both axes, between these pixels.
    fn scales(&self, across: (f64, f64), up: (f64, f64)) -> (Scale, Scale) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let guides = self.guides.iter().map(|guide| guide.at);
        let at: Vec<f64> = points().map(|(x, _)| *x).chain(guides).collect();
        let low = at.iter().copied().reduce(f64::min).unwrap_or_default();
        let high = at.iter().copied().reduce(f64::max).unwrap_or_default();
        let highest = points().map(|(_, y)| *y).fold(self.lowest, f64::max);
        let across = match self.spacing {
            Spacing::Logarithmic if low > 0.0 => Scale::logarithmic(low, high, across.0, across.1),
            _ => Scale::new(low, high, across.0, across.1),
        };
        (across, Scale::new(self.lowest, highest, up.0, up.1))
    }
}
