//! What a route is like besides what it does: in which shape its errors are told, what a request
//! costs, whether it brings a file, whether it is answered in the clear. Each resource says so
//! where its routes stand; `pipeline` asks before the handler runs, `docs` when it describes the
//! errors.
//!
//! A path that no route has is taken for one of the folder that it would stand in, and a method
//! that a path does not take for one that costs and brings nothing. Called by every resource.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use axum::routing::MethodRouter;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::Http;
use super::multipart::is_form;
use crate::edge::limits::Class;

/// How errors are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As a problem (RFC 9457).
    Problem,
    /// In the envelope of the original endpoints.
    Envelope,
}

/// Whether a request brings a file, which takes as long as it comes at all: whoever reads it bounds
/// how long nothing may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// It does when its body is a form.
    Form,
}

impl Upload {
    /// Whether a request with these headers brings one.
    pub fn is(self, headers: &HeaderMap) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Form => is_form(headers),
        }
    }
}

/// What a route is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// How its errors are told.
    pub shape: Shape,
    /// What a request costs.
    pub class: Class,
    /// Whether a request brings a file.
    pub upload: Upload,
    /// Whether it is answered in the clear too while this server speaks HTTPS.
    pub in_the_clear: bool,
}

impl Kind {
    const fn plain(shape: Shape) -> Self {
        Self { shape, class: Class::Other, upload: Upload::No, in_the_clear: false }
    }
}

/// The kinds of all routes, by the patterns of their paths.
#[derive(Debug, Clone, Default)]
pub struct Kinds(HashMap<String, Vec<(Option<Method>, Kind)>>);

impl Kinds {
    /// The kind of a request: of its route when it has one, else of its path.
    pub fn of(&self, method: &Method, route: Option<&str>, path: &str) -> Kind {
        let Some(kinds) = route.and_then(|route| self.0.get(route)) else {
            return Kind::plain(self.shape_around(path));
        };
        // A HEAD is answered by what answers the GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let fits = |row: &&(Option<Method>, Kind)| row.0.as_ref().is_none_or(|own| own == method);
        let kind = kinds.iter().find(fits).map(|row| row.1);
        kind.unwrap_or_else(|| Kind::plain(kinds[0].1.shape))
    }

    /// Whether a path without parameters answers this method.
    pub fn has(&self, method: &Method, path: &str) -> bool {
        let rows = self.0.get(path).into_iter().flatten();
        rows.filter_map(|row| row.0.as_ref()).any(|own| own == method)
    }

    /// A folder with problems has nothing else; all that is not in one is as the original
    /// endpoints, which stand at the root.
    fn shape_around(&self, path: &str) -> Shape {
        let folder = first_part(path);
        let problems = |(route, kinds): (&String, &Vec<(Option<Method>, Kind)>)| {
            first_part(route) == folder && kinds.iter().any(|row| row.1.shape == Shape::Problem)
        };
        if self.0.iter().any(problems) { Shape::Problem } else { Shape::Envelope }
    }

    fn add(&mut self, path: &str, method: Option<Method>, kind: Kind) {
        self.0.entry(path.to_owned()).or_default().push((method, kind));
    }
}

fn first_part(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// Routes with their kinds. Those of a resource tell their errors in one shape.
pub struct Routes {
    router: OpenApiRouter<Arc<Http>>,
    shape: Shape,
    kinds: Kinds,
}

impl Routes {
    /// None yet; their errors are problems.
    pub fn with_problems() -> Self {
        Self::told_as(Shape::Problem)
    }

    /// None yet; their errors are told in the envelope.
    pub fn with_envelopes() -> Self {
        Self::told_as(Shape::Envelope)
    }

    fn told_as(shape: Shape) -> Self {
        Self { router: OpenApiRouter::new(), shape, kinds: Kinds::default() }
    }

    /// Adds routes of one path.
    pub fn routes(self, routes: UtoipaMethodRouter<Arc<Http>>) -> Self {
        let kind = Kind::plain(self.shape);
        self.of_kind(kind, routes)
    }

    /// Adds routes of one path that cost as much as logging in does.
    pub fn logins(self, routes: UtoipaMethodRouter<Arc<Http>>) -> Self {
        let kind = Kind { class: Class::Login, ..Kind::plain(self.shape) };
        self.of_kind(kind, routes)
    }

    /// Adds routes of one path that bring a file; always, or when the body is a form.
    pub fn uploads(self, upload: Upload, routes: UtoipaMethodRouter<Arc<Http>>) -> Self {
        let kind = Kind { upload, ..Kind::plain(self.shape) };
        self.of_kind(kind, routes)
    }

    fn of_kind(mut self, kind: Kind, routes: UtoipaMethodRouter<Arc<Http>>) -> Self {
        for (path, item) in &routes.1.paths {
            for method in methods(item) {
                self.kinds.add(path, Some(method), kind);
            }
        }
        Self { router: self.router.routes(routes), ..self }
    }

    /// Adds what is not part of the description, whatever its method.
    pub fn route(mut self, path: &str, routes: MethodRouter<Arc<Http>>) -> Self {
        self.kinds.add(path, None, Kind::plain(self.shape));
        Self { router: self.router.route(path, routes), ..self }
    }

    /// The same, answered in the clear too while this server speaks HTTPS: for programs that watch
    /// it and know it by an address that no certificate names, and for devices that do not believe
    /// it yet.
    pub fn in_the_clear(mut self) -> Self {
        for (_, kind) in self.kinds.0.values_mut().flatten() {
            kind.in_the_clear = true;
        }
        self
    }

    /// Adds those of another resource.
    pub fn merge(mut self, other: Self) -> Self {
        for (path, kinds) in other.kinds.0 {
            self.kinds.0.entry(path).or_default().extend(kinds);
        }
        Self { router: self.router.merge(other.router), ..self }
    }

    /// Adds those of others below a path.
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        for (path, kinds) in other.kinds.0 {
            self.kinds.0.entry(format!("{prefix}{path}")).or_default().extend(kinds);
        }
        Self { router: self.router.nest(prefix, other.router), ..self }
    }

    /// Wraps them, with their kinds as they are.
    pub fn map(
        self,
        wrap: impl FnOnce(OpenApiRouter<Arc<Http>>) -> OpenApiRouter<Arc<Http>>,
    ) -> Self {
        Self { router: wrap(self.router), ..self }
    }

    /// The description of those that have one: what `base` begins with, and what `finish` adds when
    /// it knows their kinds.
    pub fn described(
        mut self,
        mut base: OpenApi,
        finish: impl FnOnce(OpenApi, &Kinds) -> OpenApi,
    ) -> (Self, OpenApi) {
        base.merge(self.router.to_openapi());
        let description = finish(base, &self.kinds);
        (self, description)
    }

    /// What they are made of.
    pub fn into_parts(self) -> (OpenApiRouter<Arc<Http>>, Kinds) {
        (self.router, self.kinds)
    }
}

/// The methods of a described path.
fn methods(item: &PathItem) -> impl Iterator<Item = Method> {
    let all = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
        (Method::HEAD, &item.head),
        (Method::OPTIONS, &item.options),
    ];
    all.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method)
}
