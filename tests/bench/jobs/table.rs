//! The table of jobs.

use super::{Cell, JobRow};
use crate::report::{align, mark, plain};

/// As Markdown that reads well as it is; empty if nothing was measured.
pub fn text(rows: &[JobRow]) -> String {
    let columns = columns(rows);
    if columns.is_empty() {
        return String::new();
    }
    let head = ["jobs".to_owned(), "want".to_owned()].into_iter().chain(columns.iter().cloned());
    let mut lines = vec![head.collect::<Vec<_>>()];
    lines.extend(rows.iter().filter(|row| !row.cells.is_empty()).map(|row| line(row, &columns)));
    format!(
        "{}\nMedian (90th percentile) of whole processes; after the comma: finished jobs. The commands of pueue are add, log, \
         status and wait; of task-spooler none, -i, -l and -w.\n",
        align(&lines)
    )
}

/// Whose columns stand beside each other, with few finished jobs and with many.
fn columns(rows: &[JobRow]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for cell in rows.iter().flat_map(|row| &row.cells) {
        if !columns.contains(&cell.column) {
            columns.push(cell.column.clone());
        }
    }
    let whose = |column: &String| column.split(',').next().unwrap_or_default().to_owned();
    let order: Vec<String> = columns.iter().map(whose).collect();
    columns.sort_by_key(|column| order.iter().position(|name| *name == whose(column)));
    columns
}

fn line(row: &JobRow, columns: &[String]) -> Vec<String> {
    let name = row.name.trim_start_matches("jobs: ").to_owned();
    let cell = |column: &String| {
        let Some(cell) = row.cells.iter().find(|cell| cell.column == *column) else { return "–".to_owned() };
        let missed = column.starts_with("state") && row.want.is_some_and(|want| cell.median > want);
        format!("{}{} {}", plain(cell.median), mark(missed), p90(cell)).trim_end().to_owned()
    };
    let want = row.want.map(plain).unwrap_or_default();
    [name, want].into_iter().chain(columns.iter().map(cell)).collect()
}

/// In parentheses, if there is one.
pub fn p90(cell: &Cell) -> String {
    cell.p90.map_or_else(String::new, |p90| format!("({})", plain(p90)))
}
