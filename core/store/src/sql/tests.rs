use super::*;

#[test]
fn parameters_are_renumbered_for_postgres_outside_literals_and_comments() {
    for (ours, theirs) in [
        ("SELECT 1", "SELECT 1"),
        ("a = ?2 AND b = ?1", "a = $2 AND b = $1"),
        ("'?1' || ?1 || \"?2\"", "'?1' || $1 || \"?2\""),
        ("'it''s ?1' ?12", "'it''s ?1' $12"),
        ("?1 -- ?2\n?3", "$1 -- ?2\n$3"),
        ("?1 /* ?2 */ ?3 -- ?4", "$1 /* ?2 */ $3 -- ?4"),
        ("a - ?1 / ?2", "a - $1 / $2"),
    ] {
        assert_eq!(postgres_parameters(ours).as_deref(), Ok(theirs));
    }
    for wrong in ["?", "a = ? AND b = ?1", "?1 ?a"] {
        assert!(postgres_parameters(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn tables_are_written_for_each_engine() {
    let table = "CREATE TABLE BLOBS (a INTEGER, b TEXT, c BLOB DEFAULT 'BLOB', INTEGER_d BLOB)";
    assert_eq!(sqlite_ddl(table), format!("{table} STRICT"));
    assert_eq!(postgres_ddl(table), "CREATE TABLE BLOBS (a BIGINT, b TEXT, c BYTEA DEFAULT 'BLOB', INTEGER_d BYTEA)");
    let keyed = "CREATE TABLE t (a INTEGER PRIMARY KEY) WITHOUT ROWID\n";
    assert_eq!(sqlite_ddl(keyed), format!("{}, STRICT", keyed.trim_end()));
    assert_eq!(postgres_ddl(keyed), "CREATE TABLE t (a BIGINT PRIMARY KEY) ");
    let index = "CREATE INDEX i ON t (a)";
    assert_eq!((sqlite_ddl(index).as_str(), postgres_ddl(index).as_str()), (index, index));
}

#[test]
fn jobs_run_only_statements_on_rows() {
    for good in ["SELECT 1", "\n insert into t", "WITH x AS", "UPDATE t", "DELETE FROM t"] {
        assert!(is_job_statement(good), "{good}");
    }
    for bad in ["", "COMMIT", "SELECTED", "PRAGMA x", "CREATE TABLE t", "-- SELECT\nCOMMIT"] {
        assert!(!is_job_statement(bad), "{bad}");
    }
}
