use super::*;

fn bars() -> Panel {
    Panel::Bars(Bars {
        title: "Hits, %".to_owned(),
        categories: vec!["A & B".to_owned(), "C<1>".to_owned()],
        series: vec![
            Series { name: "mean".to_owned(), points: vec![(50.0, 5.0), (0.0, 0.0)] },
            Series { name: "p99".to_owned(), points: vec![(99.0, 0.0), (20.0, 1.0)] },
        ],
    })
}

/// The numbers of all attributes with these names.
fn numbers(svg: &str, names: &[&str]) -> Vec<f64> {
    let attribute = |name: &str| -> Vec<f64> {
        let begin = format!(" {name}=\"");
        let parts = svg.split(&begin).skip(1);
        parts.filter_map(|part| part.split('"').next()?.parse().ok()).collect()
    };
    names.iter().flat_map(|name| attribute(name)).collect()
}

#[test]
fn a_page_is_as_high_as_its_panels_and_keeps_within_itself() {
    let line = Line { name: "one".to_owned(), points: vec![(1.0, 2.0), (2.0, 8.0)] };
    let lines = Panel::Lines(Lines {
        title: "L".to_owned(),
        over: "x".to_owned(),
        lines: vec![line],
        ..Lines::default()
    });
    let svg = page("Title", &[bars(), lines]);
    let height = numbers(&svg, &["height"])[0];
    assert!(numbers(&svg, &["y", "y1", "y2", "cy"]).iter().all(|y| (0.0..=height).contains(y)));
    assert!(numbers(&svg, &["x", "x1", "x2", "cx"]).iter().all(|x| (0.0..=PAGE_WIDTH).contains(x)));
    assert!(numbers(&svg, &["width", "height"]).iter().all(|length| *length >= 0.0));
}

#[test]
fn the_legend_names_all_series_in_rows_within_the_page() {
    let svg = page("Title", &[bars()]);
    assert!(svg.contains(">mean</text>") && svg.contains(">p99</text>"), "{svg}");
    let name = "a name of thirty letters or so";
    let line = |number| Line { name: format!("{name} {number}"), points: vec![(1.0, 60.0), (1000.0, 90.0)] };
    let lines = Lines {
        spacing: Spacing::Logarithmic,
        lowest: 50.0,
        guides: vec![Guide { at: 10.0, name: "a limit".to_owned() }],
        lines: (0..6).map(line).collect(),
        ..Lines::default()
    };
    let svg = page("Title", &[Panel::Lines(lines)]);
    assert_eq!(svg.matches(name).count(), 6);
    assert!(svg.contains(">a limit</text>") && svg.contains("stroke-dasharray"));
    assert!(numbers(&svg, &["x", "x1", "x2", "cx"]).iter().all(|x| (0.0..=PAGE_WIDTH).contains(x)));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn names_are_text_and_not_markup() {
    let svg = page("a < b", &[bars()]);
    assert!(svg.contains("A &amp; B") && svg.contains("C&lt;1&gt;") && svg.contains("a &lt; b"));
    assert!(!svg.contains("C<1>"));
}

#[test]
fn nothing_to_show_is_shown_as_nothing() {
    let empty = Panel::Lines(Lines { title: "none".to_owned(), over: "x".to_owned(), ..Lines::default() });
    let none = Panel::Bars(Bars { title: "none".to_owned(), categories: Vec::new(), series: Vec::new() });
    let svg = page("empty", &[empty, none]);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}
