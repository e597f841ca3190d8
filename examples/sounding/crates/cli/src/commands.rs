//! What the subcommands do.

use crate::arguments::Settings;
use crate::error::Error;
use crate::walk::{self, Harvest};
use sounding_core::{row, Table};
use sounding_dup::{
    families, find_pairs, find_passages, resemblance, resembling_files, Corpus, PassageOptions,
    SimilarityOptions,
};
use sounding_lex::Registry;
use sounding_report::Report;
use std::io::Write;
use std::path::Path;

/// `sounding report`
pub fn report(settings: &Settings, out: &mut dyn Write) -> Result<(), Error> {
    let Harvest { documents, notes } = walk::harvest(&settings.paths, &Registry::standard())?;
    let mut metrics = sounding_metrics::standard();
    for document in &documents {
        for metric in &mut metrics {
            metric.visit(document);
        }
    }
    let mut tables: Vec<Table> = metrics
        .iter()
        .flat_map(|metric| metric.tables(settings.top))
        .collect();
    let corpus = Corpus::new(&documents);
    let (duplicates, _) = duplicate_tables(&corpus, settings);
    tables.extend(duplicates);
    write_report(settings, "report", tables, notes, out)
}

/// `sounding dup`; says whether the tree passes `--max-share`.
pub fn duplicates(settings: &Settings, out: &mut dyn Write) -> Result<bool, Error> {
    let Harvest { documents, notes } = walk::harvest(&settings.paths, &Registry::standard())?;
    let corpus = Corpus::new(&documents);
    let (tables, share) = duplicate_tables(&corpus, settings);
    write_report(settings, "dup", tables, notes, out)?;
    Ok(settings.max_share.map_or(true, |limit| share <= limit))
}

/// The tables about duplication, and the share of tokens in duplicated passages.
fn duplicate_tables(corpus: &Corpus<'_>, settings: &Settings) -> (Vec<Table>, f64) {
    let passages = find_passages(
        corpus,
        &PassageOptions {
            min_tokens: settings.min_tokens,
            ignore_names: settings.ignore_names,
        },
    );
    let similar = find_pairs(
        corpus,
        &SimilarityOptions {
            min_tokens: settings.min_tokens,
            threshold: settings.similarity,
            ..SimilarityOptions::default()
        },
    );
    let files = resembling_files(corpus);
    let share = passages.share(corpus);
    let mut overview = Table::new(
        "duplication",
        "Duplication",
        &["tokens", "duplicated", "share", "passages", "families"],
    );
    overview.push(row![
        corpus.total(),
        passages.covered.iter().sum::<usize>(),
        sounding_core::Value::Share(share),
        passages.list.len(),
        similar.len()
    ]);
    let tables = vec![
        overview,
        passages.table(corpus, settings.top),
        families::table(corpus, &similar, settings.top),
        resemblance::table(corpus, &files, settings.top),
    ];
    (tables, share)
}

fn write_report(
    settings: &Settings,
    kind: &'static str,
    tables: Vec<Table>,
    notes: Vec<String>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let report = Report {
        kind,
        tables,
        notes,
    };
    settings.reporter.write(&report, out)?;
    Ok(())
}

/// `sounding tokens`
pub fn tokens(path: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let document = walk::read(path, &Registry::standard())?.ok_or_else(|| Error::Unreadable {
        path: path.to_path_buf(),
        why: "not text, or not in a known language",
    })?;
    for token in &document.tokens {
        let text = document.text(token).escape_debug().to_string();
        let line = document.line(token);
        writeln!(out, "{line:>5}  {:<9} {text}", token.kind.name())?;
    }
    Ok(())
}

/// `sounding languages`
pub fn languages(out: &mut dyn Write) -> Result<(), Error> {
    for language in Registry::standard().iter() {
        let syntax = language.syntax();
        let mut names: Vec<String> = syntax
            .extensions
            .iter()
            .map(|extension| format!(".{extension}"))
            .collect();
        names.extend(syntax.filenames.iter().map(|&name| name.to_owned()));
        let names = names.join(" ");
        writeln!(out, "{:<12} {names}", syntax.name)?;
    }
    Ok(())
}
