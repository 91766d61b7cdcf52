//! The file being read: where everything stands in it, and what was found to be wrong.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::config::error::{ConfigErrors, Problem};

/// Collects the problems of one file. Values refer to their place by key path (`listener[0].tls.mode`); the lines of all
/// paths are known before anything is read.
pub(super) struct Document<'a> {
    file: &'a Path,
    directory: PathBuf,
    lines: HashMap<String, usize>,
    broken_lines: HashSet<usize>,
    problems: RefCell<Vec<Problem>>,
    files: RefCell<BTreeSet<PathBuf>>,
}

impl<'a> Document<'a> {
    /// Parses the syntax. Syntax errors are recorded; the table holds whatever could be understood.
    pub(super) fn parse(text: &'a str, file: &'a Path) -> (Self, DeTable<'a>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let ends: Vec<usize> = text.match_indices('\n').map(|(offset, _)| offset).collect();
        let line = |offset: usize| 1 + ends.partition_point(|end| *end < offset);
        let mut lines = HashMap::new();
        record_table(table.get_ref(), "", &line, &mut lines);
        let mut document = Self {
            file,
            directory: directory_of(file),
            lines,
            broken_lines: HashSet::new(),
            problems: RefCell::default(),
            files: RefCell::default(),
        };
        for error in &errors {
            let line = error.span().map(|span| line(span.start));
            document.broken_lines.extend(line);
            document.record(line, "", error.message().to_owned(), "valid TOML; text needs \"quotes\"", None);
        }
        (document, table.into_inner())
    }

    /// Records a problem at a key path. A path that is not in the file has the line of the section it would be in.
    pub(super) fn refuse(&self, key: &str, found: impl Into<String>, accepted: &str, hint: Option<String>) {
        let line = self.line(key);
        if line.is_some_and(|line| self.broken_lines.contains(&line)) {
            return; // what is there was not understood: the syntax error says so already
        }
        self.record(line, key, found.into(), accepted, hint);
    }

    /// Records that something required is not there.
    pub(super) fn miss(&self, key: &str, accepted: &str) {
        if self.broken_lines.is_empty() {
            self.refuse(key, "nothing", accepted, None); // otherwise it may be in what was not understood
        }
    }

    /// Line of a key path, or of the innermost section around it.
    pub(super) fn line(&self, mut key: &str) -> Option<usize> {
        loop {
            if let Some(line) = self.lines.get(key) {
                return Some(*line);
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }

    /// Relative paths are relative to the directory of the file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// The path of a file whose contents matter. Like [`Self::resolve`], and remembered.
    pub(super) fn resolve_file(&self, path: &str) -> PathBuf {
        let path = self.resolve(path);
        self.files.borrow_mut().insert(path.clone());
        path
    }

    /// The files named so far.
    pub(super) fn into_files(self) -> BTreeSet<PathBuf> {
        self.files.into_inner()
    }

    /// The problems, if there are any.
    pub(super) fn into_errors(self) -> Option<ConfigErrors> {
        let problems = self.problems.into_inner();
        (!problems.is_empty()).then(|| ConfigErrors::new(problems))
    }

    fn record(&self, line: Option<usize>, key: &str, found: String, accepted: &str, hint: Option<String>) {
        let (file, key, accepted) = (self.file.to_owned(), key.to_owned(), accepted.to_owned());
        let problem = Problem { file, line, key, found, accepted, hint };
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem); // sections are looked at more than once: by their reader and by the rules
        }
    }
}

/// The absolute directory of a file; the file's own idea of it when there is no current directory.
fn directory_of(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}

fn record_table(
    table: &DeTable<'_>,
    path: &str,
    line: &dyn Fn(usize) -> usize,
    lines: &mut HashMap<String, usize>,
) {
    for (name, value) in table {
        let path = join(path, name.get_ref());
        lines.insert(path.clone(), line(name.span().start));
        record_value(value.get_ref(), &path, line, lines);
    }
}

fn record_value(
    value: &DeValue<'_>,
    path: &str,
    line: &dyn Fn(usize) -> usize,
    lines: &mut HashMap<String, usize>,
) {
    match value {
        DeValue::Table(table) => record_table(table, path, line, lines),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                lines.insert(path.clone(), line(item.span().start));
                record_value(item.get_ref(), &path, line, lines);
            }
        }
        _ => {}
    }
}

/// The path of a key in a section.
pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}
