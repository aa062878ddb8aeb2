//! Statements as they are written here, and as each engine wants them.

use crate::EngineFault;

/// Whether a statement may run in a job: it neither controls the transaction nor the connection.
pub(crate) fn is_job_statement(sql: &str) -> bool {
    const ALLOWED: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    let word = sql.trim_start();
    let end = word.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(word.len());
    ALLOWED.iter().any(|allowed| word[..end].eq_ignore_ascii_case(allowed))
}

/// Turns the parameters `?1` … `?n` into `$1` … `$n`. A bare `?` is refused.
pub(crate) fn postgres_parameters(sql: &str) -> Result<String, EngineFault> {
    let mut out = String::with_capacity(sql.len());
    for part in parts(sql) {
        let code = match part {
            Part::Other(text) => {
                out.push_str(text);
                continue;
            }
            Part::Code(code) => code,
        };
        let mut pieces = code.split('?');
        out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            if !piece.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(EngineFault::other("a parameter without a number"));
            }
            out.push('$');
            out.push_str(piece);
        }
    }
    Ok(out)
}

/// A migration statement for PostgreSQL: INTEGER, TEXT, BLOB become BIGINT, TEXT, BYTEA, and
/// `WITHOUT ROWID` goes.
pub(crate) fn postgres_ddl(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for part in parts(sql) {
        match part {
            Part::Other(text) => out.push_str(text),
            Part::Code(code) => {
                for word in words(code) {
                    out.push_str(match word {
                        "INTEGER" => "BIGINT",
                        "BLOB" => "BYTEA",
                        word => word,
                    });
                }
            }
        }
    }
    match without_rowid(&out) {
        Some(table) => table.to_owned(),
        None => out,
    }
}

/// A migration statement for SQLite: tables become STRICT.
pub(crate) fn sqlite_ddl(sql: &str) -> String {
    let mut first = sql.split_whitespace();
    let table = first.next().is_some_and(|word| word.eq_ignore_ascii_case("CREATE"))
        && first.next().is_some_and(|word| word.eq_ignore_ascii_case("TABLE"));
    let body = sql.trim_end();
    match (table, without_rowid(body)) {
        (false, _) => sql.to_owned(),
        (true, None) => format!("{body} STRICT"),
        (true, Some(_)) => format!("{body}, STRICT"),
    }
}

/// The statement without a closing `WITHOUT ROWID`, if it ends so.
fn without_rowid(sql: &str) -> Option<&str> {
    sql.trim_end().strip_suffix("ROWID")?.trim_end().strip_suffix("WITHOUT")
}

enum Part<'a> {
    Code(&'a str),
    /// A literal, a quoted name or a comment.
    Other(&'a str),
}

fn parts(sql: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let other = other_length(rest);
        if other > 0 {
            let (text, after) = rest.split_at(other);
            rest = after;
            return Some(Part::Other(text));
        }
        let end = rest.char_indices().map(|(at, _)| at).find(|&at| other_length(&rest[at..]) > 0).unwrap_or(rest.len());
        let (code, after) = rest.split_at(end);
        rest = after;
        Some(Part::Code(code))
    })
}

/// How many bytes at the start are a literal, a quoted name or a comment. A doubled quote inside a
/// literal reads as two literals in a row, which comes to the same.
fn other_length(sql: &str) -> usize {
    let (open, close) = match sql.as_bytes() {
        [b'\'', ..] => (1, "'"),
        [b'"', ..] => (1, "\""),
        [b'-', b'-', ..] => (2, "\n"),
        [b'/', b'*', ..] => (2, "*/"),
        _ => return 0,
    };
    sql[open..].find(close).map_or(sql.len(), |at| open + at + close.len())
}

/// Words and what stands between them, in order.
fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split_inclusive(|c: char| !is_word(c)).flat_map(|piece| {
        let end = piece.find(|c: char| !is_word(c)).unwrap_or(piece.len());
        let (word, between) = piece.split_at(end);
        [word, between]
    })
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
