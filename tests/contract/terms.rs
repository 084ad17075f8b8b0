//! Search terms.

use wechat::id::ObjectId;
use wechat::store::Index;

use crate::support::World;

fn id(last: u8) -> ObjectId {
    ObjectId([last; 12])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub async fn terms_come_in_order_of_bytes_then_id_page_by_page(world: &World) {
    let entries = vec![
        (id(2), words(&["garcia", "ana", "小龍"])),
        (id(1), words(&["ana", "ana", "anaïs"])),
        (id(3), words(&["an", "Ana", "anb"])),
    ];
    world.store.put_terms(Index::Users, entries).await.expect("puts");
    let all = [
        ("Ana", 3),
        ("an", 3),
        ("ana", 1),
        ("ana", 2),
        ("anaïs", 1),
        ("anb", 3),
        ("garcia", 2),
        ("小龍", 2),
    ];
    let all: Vec<_> = all.iter().map(|&(term, last)| (term.to_owned(), id(last))).collect();
    for limit in [1, 2, 3, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.term_range(Index::Users, "", "\u{10ffff}", after, limit).await;
            let page = page.expect("reads");
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            found.extend(page);
        }
        assert_eq!(found, all, "pages of {limit}");
    }
    let ana = world.store.term_range(Index::Users, "ana", "anb", None, 100).await.expect("reads");
    assert_eq!(ana, all[2..5], "the upper end is not in it");
    let before = Some(("a".to_owned(), id(9)));
    let ana = world.store.term_range(Index::Users, "ana", "anb", before, 100).await;
    assert_eq!(ana.expect("reads"), all[2..5], "nothing below the lower end");
    let groups = world.store.term_range(Index::Groups, "", "\u{10ffff}", None, 100).await;
    assert!(groups.expect("reads").is_empty(), "each index is its own");
}

pub async fn new_terms_replace_the_old_ones(world: &World) {
    let put = |terms: &[&str]| {
        world.store.put_terms(Index::Groups, vec![(id(1), words(terms)), (id(2), Vec::new())])
    };
    put(&["uno", "dos"]).await.expect("puts");
    put(&["dos", "tres"]).await.expect("puts");
    let found = world.store.term_range(Index::Groups, "", "\u{10ffff}", None, 10).await;
    let found: Vec<_> = found.expect("reads").into_iter().map(|(term, _)| term).collect();
    assert_eq!(found, ["dos", "tres"]);
}
