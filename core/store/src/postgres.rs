//! PostgreSQL connections. Every call blocks and may drive a runtime of its own: they are made on the
//! store's own threads only, since the client panics inside asynchronous code.

use std::collections::HashMap;
use std::error::Error;

use postgres::error::SqlState;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement};

use crate::session::{EngineFault, FaultKind, Mode, Session};
use crate::{Row, Value, sql};

/// How long to wait for a row that another transaction has changed, in milliseconds. If that one
/// commits, this one must run again anyway; if they wait for each other, PostgreSQL itself would
/// notice after a second.
const LOCK_WAIT_MS: u32 = 100;

/// One PostgreSQL connection, made when the first transaction begins and anew when it is lost.
pub(crate) struct PostgresSession {
    config: Config,
    /// The database schema that holds the tables; letters, digits and underscores.
    schema: String,
    client: Option<Client>,
    prepared: HashMap<&'static str, Statement>,
    open: bool,
}

impl PostgresSession {
    pub(crate) fn new(config: Config, schema: &str) -> PostgresSession {
        let schema = schema.to_owned();
        PostgresSession { config, schema, client: None, prepared: HashMap::new(), open: false }
    }

    fn connect(&mut self) -> Result<&mut Client, EngineFault> {
        if self.client.as_ref().is_some_and(Client::is_closed) {
            self.client = None;
        }
        if self.client.is_none() {
            self.prepared.clear();
            let mut client = self.config.connect(NoTls).map_err(lost)?;
            let schema = &self.schema;
            client
                .batch_execute(&format!(
                    "SET client_min_messages TO warning; SET lock_timeout TO {LOCK_WAIT_MS}; \
                     CREATE SCHEMA IF NOT EXISTS \"{schema}\"; SET search_path TO \"{schema}\""
                ))
                .map_err(fault)?;
            self.client = Some(client);
        }
        Ok(self.client.as_mut().expect("connected above"))
    }

    fn client(&mut self) -> Result<&mut Client, EngineFault> {
        self.client.as_mut().ok_or_else(|| EngineFault {
            kind: FaultKind::Lost,
            code: String::new(),
            message: "not connected".to_owned(),
        })
    }

    fn control(&mut self, statement: &'static str) -> Result<(), EngineFault> {
        self.client()?.batch_execute(statement).map_err(fault)
    }

    fn statement(&mut self, sql: &'static str) -> Result<Statement, EngineFault> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let text = sql::postgres_parameters(sql)?;
        let statement = self.client()?.prepare(&text).map_err(fault)?;
        self.prepared.insert(sql, statement.clone());
        Ok(statement)
    }
}

impl Session for PostgresSession {
    fn begin(&mut self, mode: Mode) -> Result<(), EngineFault> {
        let begin = match mode {
            Mode::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            Mode::Read => "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
        };
        self.connect()?.batch_execute(begin).map_err(fault)?;
        self.open = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), EngineFault> {
        self.open = false;
        let committed = self.client()?.simple_query("COMMIT").map(drop).map_err(fault);
        if committed.is_err() {
            self.open = true;
        }
        committed
    }

    fn rollback(&mut self) {
        let open = std::mem::replace(&mut self.open, false);
        if open && self.control("ROLLBACK").is_err() {
            // whatever state the connection is in, a new one has none
            self.client = None;
        }
    }

    fn savepoint(&mut self) -> Result<(), EngineFault> {
        self.control("SAVEPOINT job")
    }

    fn release(&mut self) -> Result<(), EngineFault> {
        self.control("RELEASE SAVEPOINT job")
    }

    fn undo(&mut self) -> Result<(), EngineFault> {
        self.control("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job")
    }

    fn in_transaction(&self) -> bool {
        self.open && self.client.as_ref().is_some_and(|client| !client.is_closed())
    }

    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, EngineFault> {
        let statement = self.statement(sql)?;
        if !statement.columns().is_empty() {
            return Err(EngineFault::other("the statement returns rows"));
        }
        let params = bind(&statement, params)?;
        self.client()?.execute(&statement, &references(&params)).map_err(fault)
    }

    fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, EngineFault> {
        let statement = self.statement(sql)?;
        let params = bind(&statement, params)?;
        let found = self.client()?.query(&statement, &references(&params)).map_err(fault)?;
        found.iter().map(row).collect()
    }

    fn prepare(&mut self, sql: &'static str) -> Result<(), EngineFault> {
        self.statement(sql).map(drop)
    }

    fn define(&mut self, ddl: &str) -> Result<(), EngineFault> {
        self.client()?.batch_execute(&sql::postgres_ddl(ddl)).map_err(fault)
    }
}

/// The parameters of a call; a wrong number is an error here and a panic in the client.
fn bind<'a>(statement: &Statement, params: &'a [Value]) -> Result<Vec<Parameter<'a>>, EngineFault> {
    let expected = statement.params().len();
    if params.len() != expected {
        return Err(EngineFault::other(format!("{} parameters for {expected}", params.len())));
    }
    Ok(params.iter().map(Parameter).collect())
}

fn references<'a>(params: &'a [Parameter<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// A value bound to whatever type the server infers for the place: NULL fits everywhere, the others
/// only where they belong.
#[derive(Debug)]
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(value) if *ty == Type::INT8 => value.to_sql(ty, out),
            Value::Int(value) if *ty == Type::INT4 => i32::try_from(*value)?.to_sql(ty, out),
            Value::Text(value) if <&str as ToSql>::accepts(ty) => value.as_str().to_sql(ty, out),
            Value::Blob(value) if *ty == Type::BYTEA => value.as_slice().to_sql(ty, out),
            other => Err(format!("{:?} for a parameter of type {ty}", other.kind()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn row(row: &postgres::Row) -> Result<Row, EngineFault> {
    (0..row.len()).map(|index| column(row, index)).collect::<Result<_, _>>().map(Row::new)
}

fn column(row: &postgres::Row, index: usize) -> Result<Value, EngineFault> {
    let ty = row.columns()[index].type_();
    let value = match *ty {
        Type::INT8 => row.try_get::<_, Option<i64>>(index).map(Value::from),
        Type::INT4 => row.try_get::<_, Option<i32>>(index).map(Value::from),
        Type::BOOL => row.try_get::<_, Option<bool>>(index).map(Value::from),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index).map(Value::from),
        Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(index).map(Value::from),
        _ => return Err(EngineFault::other(format!("column {index} of type {ty}"))),
    };
    value.map_err(fault)
}

fn lost(error: postgres::Error) -> EngineFault {
    EngineFault { kind: FaultKind::Lost, ..fault(error) }
}

fn fault(error: postgres::Error) -> EngineFault {
    let Some(answer) = error.as_db_error() else {
        let kind = if error.is_closed() || error.source().is_some_and(|e| e.is::<std::io::Error>()) {
            FaultKind::Lost
        } else {
            FaultKind::Other
        };
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        return EngineFault { kind, code: String::new(), message: format!("{error}{source}") };
    };
    let state = answer.code();
    // classes: 08 connection, 23 integrity, 40 rollback, 53 resources, 57P shutdown, 58 system
    let kind = match state.code() {
        code if code.starts_with("40") => FaultKind::Serialization,
        _ if *state == SqlState::LOCK_NOT_AVAILABLE => FaultKind::Serialization,
        "XX001" | "XX002" => FaultKind::Damaged,
        code if code.starts_with("23") => FaultKind::Constraint,
        // another process made the same table, schema or type at this moment
        "42710" | "42P06" | "42P07" => FaultKind::Constraint,
        code if code.starts_with("53") => FaultKind::Full,
        code if ["08", "57P", "58"].iter().any(|class| code.starts_with(class)) => FaultKind::Lost,
        _ => FaultKind::Other,
    };
    EngineFault { kind, code: state.code().to_owned(), message: answer.message().to_owned() }
}
