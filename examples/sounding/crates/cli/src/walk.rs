//! Finding and reading files.

use crate::error::Error;
use sounding_core::SourceText;
use sounding_lex::{Document, Registry};
use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold what tools have written rather than what people have.
const SKIPPED: &[&str] = &[
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    "target",
    "vendor",
];

/// Larger files are data, not sources.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The files that could be read, and why others could not.
#[derive(Default)]
pub struct Harvest {
    pub documents: Vec<Document>,
    pub notes: Vec<String>,
}

/// Reads everything under `paths`, in the order of the paths and sorted by name below them. A file that
/// is reached twice is read once.
pub fn harvest(paths: &[PathBuf], registry: &Registry) -> Result<Harvest, Error> {
    let mut files = Vec::new();
    let mut harvest = Harvest::default();
    for path in paths {
        let found = fs::metadata(path).map_err(|source| Error::Input {
            path: path.clone(),
            source,
        })?;
        if found.is_dir() {
            walk(path, &mut files, &mut harvest.notes);
        } else {
            files.push(path.clone());
        }
    }
    let mut known = std::collections::BTreeSet::new();
    files.retain(|file| known.insert(file.clone()));
    for file in files {
        match read(&file, registry) {
            Ok(Some(document)) => {
                if document.source.lossy() {
                    let note = format!("{}: some bytes are not UTF-8", document.path);
                    harvest.notes.push(note);
                }
                harvest.documents.push(document);
            }
            // A file that was asked for by name deserves an answer.
            Ok(None) if paths.contains(&file) => {
                harvest
                    .notes
                    .push(format!("{}: not in a known language", shown(&file)));
            }
            Ok(None) => {}
            Err(error) => harvest.notes.push(error.to_string()),
        }
    }
    Ok(harvest)
}

/// Reads one file; `None` when it is no text or in no known language.
pub fn read(path: &Path, registry: &Registry) -> Result<Option<Document>, Error> {
    let problem = |source| Error::Input {
        path: path.to_path_buf(),
        source,
    };
    let found = fs::metadata(path).map_err(problem)?;
    if found.is_dir() {
        let why = "is a directory";
        let path = path.to_path_buf();
        return Err(Error::Unreadable { path, why });
    }
    if found.len() > LARGEST {
        let why = "larger than 16 MiB, left out";
        let path = path.to_path_buf();
        return Err(Error::Unreadable { path, why });
    }
    let bytes = fs::read(path).map_err(problem)?;
    Ok(
        SourceText::decode(&bytes)
            .and_then(|source| Document::read(registry, &shown(path), source)),
    )
}

/// Collects the files below a directory. Links are not followed, so that there are no circles.
fn walk(directory: &Path, files: &mut Vec<PathBuf>, notes: &mut Vec<String>) {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            notes.push(format!("{}: {error}", shown(directory)));
            return;
        }
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
        .collect();
    names.sort_unstable();
    for name in names {
        let text = name.to_string_lossy();
        if text.starts_with('.') {
            continue;
        }
        let path = directory.join(&name);
        match fs::symlink_metadata(&path).map(|found| found.file_type()) {
            Ok(kind) if kind.is_dir() && !SKIPPED.contains(&text.as_ref()) => {
                walk(&path, files, notes);
            }
            Ok(kind) if kind.is_file() => files.push(path),
            Ok(_) => {}
            Err(error) => notes.push(format!("{}: {error}", shown(&path))),
        }
    }
}

/// The path with slashes, so that reports are the same on all systems.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_is_sorted_and_leaves_build_output_out() {
        let root = std::env::temp_dir().join(format!("sounding-walk-{}", std::process::id()));
        for directory in ["b", "a", "target", ".git"] {
            fs::create_dir_all(root.join(directory)).expect("a directory");
            fs::write(root.join(directory).join("x.py"), "x = 1\n").expect("a file");
        }
        fs::write(root.join("a/y.bin"), b"\0\0").expect("a file");
        fs::write(root.join("b/z.c"), b"int caf\xE9;\n").expect("a file");
        let result = harvest(&[root.clone(), root.join("a/x.py")], &Registry::standard());
        fs::remove_dir_all(&root).expect("removed");

        let harvest = result.expect("readable");
        let names: Vec<&str> = harvest
            .documents
            .iter()
            .map(|document| &document.path[document.path.len() - 6..])
            .collect();
        assert_eq!(names, ["a/x.py", "b/x.py", "/b/z.c"]);
        assert_eq!(harvest.notes.len(), 1);
        assert!(harvest.notes[0].ends_with("not UTF-8"));
    }

    #[test]
    fn a_missing_path_is_an_error() {
        let missing = PathBuf::from("no/such/place");
        let result = harvest(&[missing], &Registry::standard());
        assert!(matches!(result, Err(Error::Input { .. })));
    }
}
