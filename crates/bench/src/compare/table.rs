//! Tables in Markdown that can also be read as they are.

/// A table with its columns padded to one width; the first `left` columns are text, the others figures.
pub(super) fn markdown<const N: usize>(left: usize, header: [&str; N], rows: &[[String; N]]) -> String {
    let header = header.map(str::to_owned);
    let all = || std::iter::once(&header).chain(rows);
    let widths: [usize; N] =
        std::array::from_fn(|column| all().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3));
    let ruler = std::array::from_fn(|column| {
        let dashes = "-".repeat(widths[column] - 1);
        if column < left { format!("-{dashes}") } else { format!("{dashes}:") }
    });
    let line = |row: &[String; N]| -> String {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < left { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") }
        });
        format!("|{}\n", cells.collect::<String>())
    };
    [line(&header), line(&ruler)].into_iter().chain(rows.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_padded_and_figures_stand_to_the_right() {
        let rows = [["a".to_owned(), "1".to_owned()], ["long".to_owned(), "1234.5".to_owned()]];
        let expected = "\
| what |  value |
| ---- | -----: |
| a    |      1 |
| long | 1234.5 |
";
        assert_eq!(markdown(1, ["what", "value"], &rows), expected);
    }
}
