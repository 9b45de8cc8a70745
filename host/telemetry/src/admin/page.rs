//! The page: its files, and what browsers let it do.

/// The content security policy. The page runs only its own script and style, talks only to its own
/// address, writes no HTML, and is not framed.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// Returns the type and the text of a file of the page.
pub(super) fn file(path: &str) -> Option<(&'static str, &'static str)> {
    Some(match path {
        "/" => (HTML, include_str!("page/page.html")),
        "/page.css" => (CSS, include_str!("page/page.css")),
        "/icon.svg" => (ICON, include_str!("page/icon.svg")),
        "/main.js" => (SCRIPT, include_str!("page/main.js")),
        "/chart.js" => (SCRIPT, include_str!("page/chart.js")),
        "/format.js" => (SCRIPT, include_str!("page/format.js")),
        "/panels.js" => (SCRIPT, include_str!("page/panels.js")),
        "/rates.js" => (SCRIPT, include_str!("page/rates.js")),
        "/table.js" => (SCRIPT, include_str!("page/table.js")),
        _ => return None,
    })
}
