//! A party's tables and how they came to be.

use crate::Value;
use crate::open::OpenError;
use crate::session::{EngineFault, FaultKind, Mode, Session};

/// The tables of one role.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Whose tables these are; stored, so that no role opens another's database.
    pub name: &'static str,
    /// What was done to get there, with the ids 1, 2, … A released migration never changes.
    pub migrations: &'static [Migration],
}

/// One step of a schema. Statements know the types INTEGER, TEXT and BLOB; tables are STRICT on
/// SQLite without saying so, and may end in `WITHOUT ROWID`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in the order, from 1.
    pub id: u32,
    /// What it does, in one sentence; stored.
    pub sentence: &'static str,
    /// Its statements, in order, one to a string, without a closing semicolon.
    pub sql: &'static [&'static str],
}

const CREATE_LOG: &str = "CREATE TABLE IF NOT EXISTS store_migration (\
     id INTEGER PRIMARY KEY, role TEXT NOT NULL, sentence TEXT NOT NULL, statements TEXT NOT NULL)";
const READ_LOG: &str = "SELECT id, role, statements FROM store_migration ORDER BY id";
const INSERT_LOG: &str = "INSERT INTO store_migration (id, role, sentence, statements) VALUES (?1, ?2, ?3, ?4)";

/// How often to begin again when another process migrates at the same moment.
const ATTEMPTS_MAX: u32 = 8;

/// Checks what was applied to the database and applies the rest, all in one transaction.
pub(crate) fn migrate(session: &mut dyn Session, schema: &Schema) -> Result<(), OpenError> {
    for (migration, id) in schema.migrations.iter().zip(1..) {
        if migration.id != id {
            return Err(OpenError::Misnumbered { found: migration.id, expected: id });
        }
    }
    let mut attempt = 1;
    loop {
        let outcome = migrate_once(session, schema);
        session.rollback();
        match outcome {
            // two processes that create the same table see a constraint violation
            Err(OpenError::Engine(EngineFault { kind: FaultKind::Serialization | FaultKind::Constraint, .. }))
                if attempt < ATTEMPTS_MAX =>
            {
                attempt += 1
            }
            outcome => return outcome,
        }
    }
}

fn migrate_once(session: &mut dyn Session, schema: &Schema) -> Result<(), OpenError> {
    session.begin(Mode::Write)?;
    session.define(CREATE_LOG)?;
    let mut applied = 0;
    for row in session.rows(READ_LOG, &[])? {
        let id = row.u64(0)?;
        if row.text(1)? != schema.name {
            let found = row.text(1)?.to_owned();
            return Err(OpenError::OtherRole { found, expected: schema.name });
        }
        let known = usize::try_from(id).ok().and_then(|id| schema.migrations.get(id.checked_sub(1)?));
        match known {
            None => return Err(OpenError::FromTheFuture { id }),
            Some(known) if statements(known) != row.text(2)? => {
                return Err(OpenError::Altered { id });
            }
            Some(_) if id != applied + 1 => return Err(OpenError::Missing { id: applied + 1 }),
            Some(_) => applied = id,
        }
    }
    for migration in schema.migrations.iter().filter(|step| u64::from(step.id) > applied) {
        for statement in migration.sql {
            session.define(statement)?;
        }
        let log: [Value; 4] =
            [migration.id.into(), schema.name.into(), migration.sentence.into(), statements(migration).into()];
        session.execute(INSERT_LOG, &log)?;
    }
    session.commit()?;
    Ok(())
}

fn statements(migration: &Migration) -> String {
    migration.sql.join(";\n")
}

#[cfg(test)]
mod tests;
