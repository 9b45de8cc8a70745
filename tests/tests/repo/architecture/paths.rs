//! Which modules of its crate a source names.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The paths in a source that begin with `crate` or `super`, in `use` lines and anywhere
/// else, as paths from the root of the crate. Of a tree of them, each.
///
/// `module` is the module that the source is of.
pub(super) fn paths(source: &str, module: &[&str]) -> Vec<Vec<String>> {
    let tokens: TokenStream = source.parse().expect("Rust");
    let mut found = Vec::new();
    let module: Vec<String> = module.iter().map(|name| (*name).to_owned()).collect();
    search(tokens, &module, &mut found);
    found
}

fn search(tokens: TokenStream, module: &[String], found: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Ident(word) if word == "mod" => {
                // One that is written here.
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(at), tokens.get(at + 1))
                {
                    let inside = [module, &[name.to_string()]].concat();
                    search(body.stream(), &inside, found);
                    at += 2;
                }
            }
            TokenTree::Ident(word) if word == "crate" || word == "super" => {
                let mut base = match word == "crate" {
                    true => Vec::new(),
                    false => module[..module.len().saturating_sub(1)].to_vec(),
                };
                let mut rest = &tokens[at..];
                while let Some([TokenTree::Ident(word), after @ ..]) = after_colons(rest)
                    && word == "super"
                {
                    base.pop();
                    rest = after;
                }
                at = tokens.len() - rest.len();
                // `pub(super)` is none.
                if let Some(rest) = after_colons(rest) {
                    follow(rest, base, found);
                }
            }
            TokenTree::Group(group) => search(group.stream(), module, found),
            _ => {}
        }
    }
}

/// The names of modules below a source that paths in it begin with: in `mod a; use a::B;`, `a`.
/// The first word of each path that is neither `crate` nor `super` is here, so also crates.
pub(super) fn named_children(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    first_words(source.parse().expect("Rust"), &mut found);
    found
}

fn first_words(tokens: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) => {
                let first =
                    !matches!(&tokens[..at], [.., TokenTree::Punct(mark)] if mark.as_char() == ':');
                if first && after_colons(&tokens[at + 1..]).is_some() {
                    found.push(word.to_string());
                }
            }
            TokenTree::Group(group) => {
                // The branches of a tree of paths go on where the path before them ends.
                let branches = matches!(
                    &tokens[..at],
                    [.., TokenTree::Punct(one), TokenTree::Punct(two)]
                        if one.as_char() == ':' && two.as_char() == ':'
                );
                if !branches {
                    first_words(group.stream(), found);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// What comes behind `::`.
fn after_colons(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [TokenTree::Punct(one), TokenTree::Punct(two), rest @ ..]
            if one.as_char() == ':' && two.as_char() == ':' =>
        {
            Some(rest)
        }
        _ => None,
    }
}

/// A path that goes on with these tokens.
fn follow(tokens: &[TokenTree], base: Vec<String>, found: &mut Vec<Vec<String>>) {
    match tokens {
        [TokenTree::Ident(word), rest @ ..] => {
            let path = [base, vec![word.to_string()]].concat();
            match after_colons(rest) {
                Some(rest) => follow(rest, path, found),
                None => found.push(path),
            }
        }
        [TokenTree::Group(tree), ..] if tree.delimiter() == Delimiter::Brace => {
            branches(tree, &base, found);
        }
        // `*`, or the `<` of a type's arguments.
        _ => found.push(base),
    }
}

fn branches(tree: &Group, base: &[String], found: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = tree.stream().into_iter().collect();
    let comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
    for branch in tokens.split(comma).filter(|branch| !branch.is_empty()) {
        match branch {
            [TokenTree::Ident(word), ..] if word == "self" => found.push(base.to_vec()),
            branch => follow(branch, base.to_vec(), found),
        }
    }
}

#[test]
fn the_first_words_of_paths_are_found() {
    let source = r#"
        mod app;
        mod unused;
        use app::{Ended, nested::Thing};
        use crate::elsewhere::app2;
        #[arg(value_parser = values::parse)]
        fn f(x: u8) -> watchdog::Out { log::line(x) }
    "#;
    let found = named_children(source);
    assert_eq!(found, ["app", "crate", "values", "watchdog", "log"]);
}

#[test]
fn all_paths_are_found() {
    let source = r#"
        //! Not crate::of::comments.
        use crate::error::{Dead, self, key::{KeyFault as Fault}};
        use super::sibling::Thing;
        use super::super::{a::B, c};
        use std::sync::{Arc, atomic};
        pub(crate) struct S(pub(super) crate::life::Life);
        impl S {
            /// [`crate::Nothing`]
            fn f() -> Vec<crate::types::Entry> {
                let text = "crate::none";
                println!("{}", crate::names::of(text));
                crate::compiled::<u8>()
            }
        }
        mod tests {
            use super::*;
            use super::super::far::X;
        }
    "#;
    let found: Vec<String> = paths(source, &["link", "call"])
        .iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(
        found,
        [
            "error::Dead",
            "error",
            "error::key::KeyFault",
            "link::sibling::Thing",
            "a::B",
            "c",
            "life::Life",
            "types::Entry",
            "names::of",
            "compiled",
            "link::call",
            "link::far::X",
        ]
    );
}
