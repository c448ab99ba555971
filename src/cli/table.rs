//! Tables of text for stdout.

/// Rows as lines, columns aligned: the first column to the left, columns of numbers to the right.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    aligned(rows, |cell| cell.starts_with(|c: char| c.is_ascii_digit()))
}

/// As [`lines`], under a header.
pub fn with_header(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let header = header.iter().map(|name| (*name).to_string()).collect();
    lines(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

/// Rows as lines, all columns aligned to the left.
pub fn lines_to_the_left(rows: &[Vec<String>]) -> Vec<String> {
    aligned(rows, |_| false)
}

fn aligned(rows: &[Vec<String>], to_the_right: impl Fn(&str) -> bool) -> Vec<String> {
    // What files and folders are called must not move the cursor.
    let plain = |cell: &String| cell.replace(char::is_control, " ");
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(plain).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(c, (cell, &width))| {
                if c > 0 && to_the_right(cell) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
        })
        .collect()
}
