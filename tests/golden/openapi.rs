//! The description of the API, which clients are generated from.

use wechat::http::router::description;

#[test]
fn the_description_of_the_api_is_the_one_in_review() {
    let made = description().to_pretty_json().expect("a description is JSON");
    super::golden("docs/openapi.json", &(made + "\n"));
}
