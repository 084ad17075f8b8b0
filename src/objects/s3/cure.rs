//! What an S3-compatible store's errors mean to the operator: the setting, and what to do.

use std::error::Error;

/// How many of the store's own words are repeated.
const WORDS: usize = 400;

/// Words in an error, and the cure; the first that fits counts.
const CURES: &[(&[&str], &str)] = &[
    (
        &["InvalidAccessKeyId", "SignatureDoesNotMatch", "401 Unauthorized"],
        "the store does not accept S3_ACCESS_KEY_ID with S3_SECRET_ACCESS_KEY. Copy both again \
         from where the key was made",
    ),
    (
        &["NoSuchBucket"],
        "there is no bucket of the name in S3_BUCKET (of backups: in BACKUP_TO). Make it, or \
         correct its name, S3_ENDPOINT and S3_REGION",
    ),
    (
        &[
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraint",
            "PermanentRedirect",
            "redirect without LOCATION",
        ],
        "the bucket is in another region. Set S3_REGION to the bucket's",
    ),
    (
        &["RequestTimeTooSkewed"],
        "the clock of this machine and that of the store differ. Set them right",
    ),
    (
        &["AccessDenied", "403 Forbidden"],
        "S3_ACCESS_KEY_ID may not do this in the bucket of S3_BUCKET or BACKUP_TO. Give it \
         s3:ListBucket for the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and \
         s3:AbortMultipartUpload for what is in it",
    ),
    (
        &["invalid peer certificate"],
        "no public authority vouches for the certificate of S3_ENDPOINT. Give the store another \
         one, or name its authority's file: S3_ENDPOINT=https://…?ca=FILE",
    ),
    (
        &["(Connect)"],
        "the store cannot be reached. Start it, open the way to it, or correct S3_ENDPOINT; where \
         the bucket's name belongs into the path and not into the host's name, S3_PATH_STYLE=on",
    ),
    (&["TimedOut", "deadline has elapsed"], "the store is too slow. Look at its load"),
];

/// Cause and cure of an error, without a secret.
pub(super) fn told(error: &object_store::Error) -> String {
    let words = words(error);
    let known = CURES.iter().find(|(parts, _)| parts.iter().any(|part| words.contains(part)));
    let cure = known.map_or("the store failed. Its own words say more", |(_, cure)| cure);
    format!("S3: {cure} ({}).", short(&words))
}

/// An error's words and those of its causes, on one line.
fn words(error: &object_store::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        next = cause.source();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn short(words: &str) -> String {
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(words: &str) -> String {
        told(&object_store::Error::Generic { store: "S3", source: words.into() })
    }

    #[test]
    fn an_error_names_the_setting_and_the_cure() {
        for (words, part) in [
            ("<Code>SignatureDoesNotMatch</Code>", "S3_SECRET_ACCESS_KEY"),
            ("403 Forbidden: <Code>InvalidAccessKeyId</Code>", "S3_SECRET_ACCESS_KEY"),
            ("404 Not Found: <Code>NoSuchBucket</Code>", "S3_BUCKET"),
            ("403 Forbidden: ", "s3:PutObject"),
            ("client error (Connect)", "S3_ENDPOINT"),
            ("400 Bad Request: AuthorizationHeaderMalformed", "S3_REGION"),
            ("500 Internal Server Error", "the store failed"),
        ] {
            assert!(told_of(words).contains(part), "{words}: {}", told_of(words));
        }
    }

    #[test]
    fn long_words_are_cut() {
        let told = told_of(&"ñ\n".repeat(10_000));
        assert!(told.chars().count() < 600 && !told.contains('\n'), "{told}");
    }
}
