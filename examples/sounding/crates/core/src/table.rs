//! Results as plain tables, which the reporters print in their own ways.

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A name, a path or some words.
    Text(String),
    /// A whole number of something.
    Count(u64),
    /// A number with decimals.
    Number(f64),
    /// A share of a whole, 0 to 1.
    Share(f64),
    /// Nothing to say.
    Missing,
}

impl Value {
    /// How people read the cell.
    pub fn display(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Count(count) => count.to_string(),
            Value::Number(number) => format!("{number:.1}"),
            Value::Share(share) => format!("{:.1}%", share * 100.0),
            Value::Missing => String::new(),
        }
    }

    /// Whether the cell stands to the right in a column.
    pub fn is_number(&self) -> bool {
        !matches!(self, Value::Text(_) | Value::Missing)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Value::Count(count)
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Value::Count(u64::from(count))
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Value::Count(count as u64)
    }
}

/// A titled list of rows with named columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The name that programs use, in lower case.
    pub key: &'static str,
    /// The heading that people read.
    pub title: String,
    /// The names of the columns, in lower case.
    pub columns: &'static [&'static str],
    /// The cells; every row is as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table without rows.
    pub fn new(
        key: &'static str,
        title: impl Into<String>,
        columns: &'static [&'static str],
    ) -> Self {
        Table {
            key,
            title: title.into(),
            columns,
            rows: Vec::new(),
        }
    }

    /// Appends a row, cut or filled to the number of columns.
    pub fn push(&mut self, mut row: Vec<Value>) {
        row.resize(self.columns.len(), Value::Missing);
        self.rows.push(row);
    }
}

/// Makes one row of a [`Table`] from values of mixed types.
#[macro_export]
macro_rules! row {
    ($($cell:expr),* $(,)?) => {
        vec![$($crate::Value::from($cell)),*]
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_their_columns() {
        let mut table = Table::new("depth", "Depths", &["place", "fathoms"]);
        table.push(row!["bay"]);
        table.push(row!["sound", 7u64, 8u64]);
        assert_eq!(table.rows[0], row!["bay", Value::Missing]);
        assert_eq!(table.rows[1], row!["sound", 7u64]);
    }

    #[test]
    fn numbers_are_rounded_for_people() {
        assert_eq!(Value::Share(0.125).display(), "12.5%");
        assert_eq!(Value::Number(2.0).display(), "2.0");
        assert!(!Value::Missing.is_number());
    }
}
