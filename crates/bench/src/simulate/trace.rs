//! Traffic of real nodes: CSV files whose lines are a number and a factor of the rate.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};

/// The factors of a file of lines `number,factor`, in the order of the lines.
///
/// # Errors
/// Names the file and the line that is wrong.
pub(crate) fn read(path: &Path) -> anyhow::Result<Arc<[f64]>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> anyhow::Result<Arc<[f64]>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let factors = lines.map(|(number, line)| {
        let factor = line.split_once(',').and_then(|(_, factor)| factor.trim().parse::<f64>().ok());
        factor.filter(|factor| factor.is_finite() && *factor >= 0.0).with_context(|| {
            format!("line {} is {line:?} where a number, a comma and a factor from 0 are allowed", number + 1)
        })
    });
    let factors: Arc<[f64]> = factors.collect::<anyhow::Result<_>>()?;
    ensure!(!factors.is_empty(), "it has no line");
    Ok(factors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_number_and_a_factor() {
        assert_eq!(*parse("0,0.5\n1,0.25\n\n2, 1\n").unwrap(), [0.5, 0.25, 1.0]);
        for (text, wrong) in [("", "no line"), ("0,1\n1;2", "line 2"), ("0,-1", "line 1"), ("0,x", "line 1")]
        {
            assert!(format!("{:#}", parse(text).unwrap_err()).contains(wrong), "{text:?}");
        }
    }
}
