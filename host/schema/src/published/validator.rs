//! Checks JSON against a JSON Schema, with the keywords that the published one uses.

use regex::Regex;
use serde_json::Value;

/// Returns `true` if `value` fits the schema.
pub(super) fn is_valid(schema: &Value, value: &Value) -> bool {
    fits(schema, schema, value)
}

fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().expect("a schema is an object");
    keywords.iter().all(|(keyword, argument)| {
        let object = value.as_object();
        let text = value.as_str();
        let number = value.as_number().map(|number| number.as_i128());
        let count = |argument: &Value| -> usize {
            argument
                .as_u64()
                .and_then(|count| count.try_into().ok())
                .expect("a count")
        };
        let bound = || {
            argument
                .as_number()
                .and_then(|bound| bound.as_i128())
                .expect("a bound")
        };
        match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let path = argument.as_str().and_then(|path| path.strip_prefix('#'));
                let schema = root.pointer(path.expect("a path")).expect("a definition");
                fits(root, schema, value)
            }
            "oneOf" => {
                let schemas = argument.as_array().expect("a list");
                schemas
                    .iter()
                    .filter(|schema| fits(root, schema, value))
                    .count()
                    == 1
            }
            "const" => argument == value,
            "enum" => argument.as_array().expect("a list").contains(value),
            "type" => match argument.as_str().expect("a type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => number.flatten().is_some(),
                other => panic!("the type {other}"),
            },
            "minimum" => number.flatten().is_none_or(|number| number >= bound()),
            "maximum" => number.flatten().is_none_or(|number| number <= bound()),
            "minLength" => text.is_none_or(|text| text.chars().count() >= count(argument)),
            "maxLength" => text.is_none_or(|text| text.chars().count() <= count(argument)),
            "pattern" => {
                let pattern = Regex::new(argument.as_str().expect("a text")).expect("a pattern");
                text.is_none_or(|text| pattern.is_match(text))
            }
            "minProperties" => object.is_none_or(|object| object.len() >= count(argument)),
            "maxProperties" => object.is_none_or(|object| object.len() <= count(argument)),
            "required" => {
                let mut names = argument.as_array().expect("a list").iter();
                let has = |name: &Value| value.get(name.as_str().expect("a name")).is_some();
                object.is_none() || names.all(has)
            }
            "properties" => {
                let mut properties = argument.as_object().expect("properties").iter();
                properties.all(|(name, schema)| {
                    value
                        .get(name)
                        .is_none_or(|value| fits(root, schema, value))
                })
            }
            "additionalProperties" => {
                assert_eq!(argument, false);
                let known = schema["properties"].as_object().expect("properties");
                object.is_none_or(|object| object.keys().all(|name| known.contains_key(name)))
            }
            "maxItems" => value
                .as_array()
                .is_none_or(|array| array.len() <= count(argument)),
            "items" => value
                .as_array()
                .is_none_or(|array| array.iter().all(|value| fits(root, argument, value))),
            other => panic!("the keyword {other}"),
        }
    })
}
