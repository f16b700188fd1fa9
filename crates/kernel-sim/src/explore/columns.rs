use super::transcript::{Line, LineKind, Transcript};
use crate::TaskId;
use std::fmt;

/// Narrower columns are padded, longer text is continued on the next line.
const WIDTH_MIN: usize = 12;
const WIDTH_MAX: usize = 46;

impl fmt::Display for Transcript {
    /// A heading with the names of the tasks, the steps, and how it ended.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.condensed(Self::LINES_MAX);
        let widths: Vec<_> = self.columns.iter().map(|column| self.width(column.task, &rows)).collect();
        let mut heading = String::from("    ");
        for (column, width) in self.columns.iter().zip(&widths) {
            let name: String =
                if column.task == TaskId::SWAPPER { "(hardware)".into() } else { column.name.to_string() };
            heading += &format!(" | {name:<width$}");
        }
        writeln!(f, "{}", heading.trim_end())?;
        let mut now = None;
        for row in &rows {
            if let Row::Line(line) = row
                && now.replace(line.at).is_some_and(|before| before != line.at)
            {
                writeln!(f, "     | at {}:", line.at)?;
            }
            self.write_row(f, row, &widths)?;
        }
        f.write_str(&self.ending)
    }
}

/// A line as it is shown, or what stands for lines that are not.
#[derive(Clone, Debug)]
enum Row<'a> {
    Line(&'a Line),
    LeftOut { task: Option<TaskId>, count: usize },
}

impl Row<'_> {
    fn task(&self) -> TaskId {
        let task = match self {
            Self::Line(line) => line.task,
            Self::LeftOut { task, .. } => *task,
        };
        task.unwrap_or(TaskId::SWAPPER)
    }
    fn text(&self) -> String {
        match self {
            Self::Line(line) => line.text.clone(),
            Self::LeftOut { count, .. } => format!("({count} more)"),
        }
    }
    /// How many lines it takes.
    fn height(&self) -> usize {
        wrapped(&self.text(), WIDTH_MAX).len()
    }
}

impl Transcript {
    /// Rows that take at most `max` lines if that can be: first without what says little, then with the middle of
    /// long stretches of one task left out, last with the beginning left out.
    fn condensed(&self, max: usize) -> Vec<Row<'_>> {
        let fits = |rows: &[Row<'_>]| rows.iter().map(Row::height).sum::<usize>() <= max;
        let all: Vec<_> = self.lines.iter().collect();
        let rows: Vec<_> = all.iter().map(|line| Row::Line(line)).collect();
        if fits(&rows) {
            return rows;
        }
        let telling: Vec<_> = stretches(&all).flat_map(without_the_obvious).collect();
        for longest in [usize::MAX, 16, 12, 8, 6, 4, 3, 2] {
            let rows: Vec<_> = stretches(&telling).flat_map(|lines| shortened(lines, longest)).collect();
            if fits(&rows) {
                return rows;
            }
        }
        let mut rows = Vec::new();
        let mut room = max.saturating_sub(1);
        for line in telling.iter().rev() {
            let row = Row::Line(line);
            let Some(left) = room.checked_sub(row.height()) else { break };
            room = left;
            rows.push(row);
        }
        rows.push(Row::LeftOut { task: None, count: telling.len() - rows.len() });
        rows.reverse();
        rows
    }

    fn width(&self, task: TaskId, rows: &[Row<'_>]) -> usize {
        let of_task = rows.iter().filter(|row| row.task() == task);
        let name =
            self.columns.iter().find(|column| column.task == task).map_or(0, |column| column.name.len());
        let longest = of_task.map(|row| row.text().chars().count()).max();
        longest.unwrap_or(0).max(name).clamp(WIDTH_MIN, WIDTH_MAX)
    }

    fn write_row(&self, f: &mut fmt::Formatter<'_>, row: &Row<'_>, widths: &[usize]) -> fmt::Result {
        for (index, text) in wrapped(&row.text(), WIDTH_MAX).into_iter().enumerate() {
            let mut line = match row {
                Row::Line(line) if index == 0 => format!("{:>4}", line.step),
                _ => " ".repeat(4),
            };
            for (column, width) in self.columns.iter().zip(widths) {
                let cell = if column.task == row.task() { text.as_str() } else { "" };
                line += &format!(" | {cell:<width$}");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Lines of one task that no other task interrupts.
fn stretches<'a, 'b>(lines: &'b [&'a Line]) -> impl Iterator<Item = &'b [&'a Line]> {
    lines.chunk_by(|a, b| a.task == b.task && a.at == b.at)
}

/// Without locks that are given back before anybody else runs, and without what follows from other lines.
fn without_the_obvious<'a>(stretch: &[&'a Line]) -> Vec<&'a Line> {
    let mut kept = vec![true; stretch.len()];
    for (index, line) in stretch.iter().enumerate() {
        match &line.kind {
            LineKind::Minor => kept[index] = false,
            LineKind::Takes(lock) => {
                let release = (index + 1..stretch.len())
                    .find(|&later| kept[later] && stretch[later].kind == LineKind::Releases(lock.clone()));
                if let Some(release) = release {
                    kept[index] = false;
                    kept[release] = false;
                }
            }
            LineKind::Releases(_) | LineKind::Major => {}
        }
    }
    stretch.iter().zip(kept).filter(|(_, kept)| *kept).map(|(line, _)| *line).collect()
}

/// With the middle left out if it is longer than `longest`: how it begins and what it comes to.
fn shortened<'a>(stretch: &[&'a Line], longest: usize) -> Vec<Row<'a>> {
    if stretch.len() <= longest {
        return stretch.iter().map(|line| Row::Line(line)).collect();
    }
    let head = (longest - 1) / 2;
    let tail = longest - 1 - head;
    let middle = stretch.len() - head - tail;
    let left_out = Row::LeftOut { task: stretch[0].task, count: middle };
    let head = stretch[..head].iter().map(|line| Row::Line(line));
    let tail = stretch[stretch.len() - tail..].iter().map(|line| Row::Line(line));
    head.chain([left_out]).chain(tail).collect()
}

/// Broken at spaces so that no piece is wider than `width`, if words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in text.split_whitespace() {
        let last = pieces.len() - 1;
        let used = pieces[last].chars().count();
        if used == 0 {
            pieces[last].push_str(word);
        } else if used + 1 + word.chars().count() <= width {
            pieces[last].push(' ');
            pieces[last].push_str(word);
        } else {
            pieces.push(format!("  {word}"));
        }
    }
    pieces
}
