use zeni_store::{Options, Store};

#[test]
fn every_statement_prepares() {
    let options = Options { inline: true, ..Options::default() };
    let store = Store::open_memory_with(&super::SCHEMA, options).expect("opens");
    zeni_store::prepare_all(&store, super::STATEMENTS).expect("prepares");
}
