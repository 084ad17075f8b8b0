//! As much of JSON Schema (draft 7) as the descriptions here use. A keyword that it does not know
//! is a failure, so that nothing passes unchecked.

use serde_json::Value;

/// What says nothing about validity.
const NOTES: [&str; 6] = ["description", "title", "default", "format", "examples", "$comment"];

/// Why a value does not fit a schema of this document; `Ok` when it does.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else {
        return if schema == true { Ok(()) } else { Err(format!("{value} is not allowed")) };
    };
    for (keyword, wanted) in keywords.iter().filter(|pair| !NOTES.contains(&pair.0.as_str())) {
        one(document, schema, (keyword.as_str(), wanted), value)
            .map_err(|why| if why.len() > 400 { format!("{keyword}: …") } else { why })?;
    }
    Ok(())
}

fn one(
    document: &Value,
    schema: &Value,
    (keyword, wanted): (&str, &Value),
    value: &Value,
) -> Result<(), String> {
    let fits = |schema: &Value| check(document, schema, value).is_ok();
    let list = || wanted.as_array().expect("a list").iter();
    let good = match keyword {
        "$ref" => return check(document, target(document, wanted), value),
        "allOf" => return list().try_for_each(|schema| check(document, schema, value)),
        "anyOf" => list().any(fits),
        "oneOf" => list().filter(|schema| fits(schema)).count() == 1,
        "type" if wanted.is_array() => list().any(|kind| is_a(value, kind)),
        "type" => is_a(value, wanted),
        "const" => value == wanted,
        "enum" => list().any(|known| value == known),
        "minimum" => value.as_f64() >= wanted.as_f64() || !value.is_number(),
        "maximum" => value.as_f64() <= wanted.as_f64() || !value.is_number(),
        "pattern" => value.as_str().is_none_or(|text| matches(wanted, text)),
        "required" => list().all(|name| value.get(name.as_str().expect("a name")).is_some()),
        "items" => return each(value, |item| check(document, wanted, item)),
        "properties" => {
            let given = |(name, schema)| Some((schema, value.get(name)?));
            let mut given = wanted.as_object().expect("schemas").iter().filter_map(given);
            return given.try_for_each(|(schema, value)| check(document, schema, value));
        }
        "patternProperties" => {
            let fields = || value.as_object().into_iter().flatten();
            let mut patterns = wanted.as_object().expect("schemas").iter();
            return patterns.try_for_each(|(pattern, schema)| {
                let mut fitting =
                    fields().filter(|field| matches(&Value::from(pattern.as_str()), field.0));
                fitting.try_for_each(|(_, value)| check(document, schema, value))
            });
        }
        "additionalProperties" => return additional(document, schema, wanted, value),
        unknown => panic!("the keyword {unknown} is not known here"),
    };
    if good { Ok(()) } else { Err(format!("{value} does not fit {keyword} {wanted}")) }
}

/// What a reference leads to.
pub fn target<'a>(document: &'a Value, reference: &Value) -> &'a Value {
    let path = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference");
    document.pointer(path).unwrap_or_else(|| panic!("{path} leads nowhere"))
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        unknown => panic!("the type {unknown} is not known here"),
    }
}

/// The one pattern that the descriptions use: an id.
fn matches(pattern: &Value, text: &str) -> bool {
    assert_eq!(pattern, "^[0-9a-fA-F]{24}$", "another pattern than is known here");
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn each(value: &Value, check: impl FnMut(&Value) -> Result<(), String>) -> Result<(), String> {
    value.as_array().into_iter().flatten().try_for_each(check)
}

fn additional(
    document: &Value,
    schema: &Value,
    wanted: &Value,
    value: &Value,
) -> Result<(), String> {
    let named = |name: &str| schema["properties"].get(name).is_some() || id_key(schema, name);
    let fields = value.as_object().into_iter().flatten();
    let mut others = fields.filter(|(name, _)| !named(name));
    others.try_for_each(|(name, value)| {
        check(document, wanted, value).map_err(|why| format!("{name}: {why}"))
    })
}

fn id_key(schema: &Value, name: &str) -> bool {
    let mut patterns = schema["patternProperties"].as_object().into_iter().flatten();
    patterns.any(|(pattern, _)| matches(&Value::from(pattern.as_str()), name))
}
