//! The contract of the store, as tests that run against every adapter.
//!
//! Each module beside this file tests one noun through `Arc<dyn Store>`, with a fresh store a test.
//! A new adapter adds one line at the end of this file; a new test adds its name to the list (the
//! compiler warns of one that was forgotten).

mod support;

mod messages;

/// Makes each test of the suite one for the store that `$open` gives.
macro_rules! contract {
    ($open:path) => {
        contract! { $open =>
            messages {
                a_direct_chat_begins_with_its_first_message
            }
        }
    };
    ($open:path => $($noun:ident { $($test:ident)* })*) => {$(
        mod $noun {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let world = $open().await;
                    crate::$noun::$test(&world).await;
                    world.store.close().await;
                }
            )*
        }
    )*};
}

mod on_embedded {
    contract!(crate::support::embedded);
}
