use futures::executor::block_on;

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

/// RN-V9, RN-P5: the register holds exactly what is outstanding: of N notes issued and N − M returned, M rows.
#[test]
fn the_register_holds_what_is_outstanding() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    let mut items = Vec::new();
    for serial in 0..20 {
        let chain = block_on(setup.note(&hanako, 100, &format!("n{serial}")));
        items.push(setup.deposit(&chain, &hanako, BANKS[0], &format!("d{serial}")));
    }
    items.truncate(17);
    block_on(setup.give_back(BANKS[0], "b1", items)).unwrap();
    let circulation = &block_on(setup.issuer.circulation()).unwrap()[0];
    assert_eq!(circulation.rows[..2], [3, 17]);
    assert_eq!(circulation.outstanding, 300);
    assert_eq!(circulation.issued, [("aoba".to_owned(), 2_000), ("midori".to_owned(), 0)]);
    assert_eq!(circulation.returned, [("aoba".to_owned(), 1_700), ("midori".to_owned(), 0)]);
}
