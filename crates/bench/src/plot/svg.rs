use std::fmt::Write;

/// Attributes of the title of a page.
pub(super) const TITLE: &str = r#"font-size="18" font-weight="bold""#;
/// Attributes of the title of a panel.
pub(super) const HEADING: &str = r#"font-size="14" font-weight="bold""#;
/// Attributes of what stands at axes, from its left.
pub(super) const SMALL: &str = r#"font-size="12""#;
/// The same, up to its right.
pub(super) const SMALL_RIGHT: &str = r#"font-size="12" text-anchor="end""#;
/// The same, about its middle.
pub(super) const SMALL_MIDDLE: &str = r#"font-size="12" text-anchor="middle""#;

/// A picture in the making. Lengths are in pixels, from the upper left.
#[derive(Debug)]
pub struct Svg {
    text: String,
}

impl Svg {
    /// An empty white picture.
    pub fn new(width: f64, height: f64) -> Self {
        let mut text = String::new();
        // Here and below: writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"Helvetica, Arial, sans-serif\" fill=\"#222\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
        );
        Self { text }
    }

    /// Text with its baseline at `y`; `attributes` say how.
    pub fn text(&mut self, x: f64, y: f64, attributes: &str, text: &str) {
        let text = escape(text);
        let _ = writeln!(self.text, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{text}</text>");
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        let _ = writeln!(
            self.text,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        );
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let _ = writeln!(
            self.text,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// A thin broken line.
    pub fn dashed(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let _ = writeln!(
            self.text,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-dasharray=\"5 4\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// A line through these points.
    pub fn path(&mut self, points: &[(f64, f64)], colour: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            self.text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
    }

    /// A small disc.
    pub fn dot(&mut self, at: (f64, f64), colour: &str) {
        let _ =
            writeln!(self.text, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", at.0, at.1);
    }

    /// The text of the file.
    pub fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// About the width of small text: fonts differ, and a little room does no harm.
pub(super) fn width(text: &str) -> f64 {
    6.6 * text.chars().count() as f64
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
