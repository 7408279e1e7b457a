//! The macros that declare the types of a scenario.

/// The limit after a field's default, or none.
macro_rules! limit {
    () => {
        $crate::scenario::written::Limit::Open
    };
    ($($limit:tt)+) => {{
        #[allow(unused_imports, reason = "not every limit is named in every list")]
        use $crate::scenario::written::Limit::*;
        $($limit)+
    }};
}

/// The entries of a table of fields.
macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident: ($($limit:tt)*);)*) => {
        &[$($crate::scenario::written::Field {
            name: stringify!($field),
            limit: $crate::scenario::written::limit!($($limit)*),
            #[cfg(feature = "scenario-text")]
            meaning: &[$($doc),+],
        }),*]
    };
}

/// Declares a type of the scenario: a struct with `field: Type = default, limit;`, or an enum whose first variant is the
/// default, with `Variant "name in the text form" { fields }`. Fields are numbered by their place in links, and so are
/// variants: new ones go to the end.
macro_rules! written {
    ($(#[doc = $about:literal])+ pub struct $name:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr $(, $limit:expr)?;)*
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }

        impl $crate::scenario::written::Written for $name {
            fn node(&mut self) -> $crate::scenario::written::Node<'_> {
                $crate::scenario::written::Node::Record(self)
            }
        }

        impl $crate::scenario::written::Record for $name {
            fn type_name(&self) -> &'static str {
                stringify!($name)
            }

            #[cfg(feature = "scenario-text")]
            fn meaning(&self) -> &'static [&'static str] {
                &[$($about),+]
            }

            fn fields(&self) -> &'static [$crate::scenario::written::Field] {
                $crate::scenario::written::fields!($($(#[doc = $doc])+ $field: ($($limit)?);)*)
            }

            fn field(&mut self, index: usize) -> $crate::scenario::written::Node<'_> {
                let mut fields: [Option<&mut dyn $crate::scenario::written::Written>; _] = [$(Some(&mut self.$field)),*];
                fields[index].take().expect("an index of this type's fields").node()
            }

            fn has_default(&self, index: usize) -> bool {
                let mut place = 0;
                $(
                    if place == index {
                        let default: $type = $default;
                        return self.$field == default;
                    }
                    place += 1;
                )*
                unreachable!("{index} is none of {place} fields")
            }
        }
    };

    ($(#[doc = $about:literal])+ pub enum $name:ident {
        $($(#[doc = $told:literal])+ $variant:ident $word:literal {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr $(, $limit:expr)?;)*
        })+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[doc = $told])+ $variant { $($(#[doc = $doc])+ $field: $type,)* },)+
        }

        impl Default for $name {
            fn default() -> Self {
                let makers: &[fn() -> Self] = &[$(|| Self::$variant { $($field: $default),* }),+];
                makers[0]()
            }
        }

        impl $crate::scenario::written::Written for $name {
            fn node(&mut self) -> $crate::scenario::written::Node<'_> {
                $crate::scenario::written::Node::Choice(self)
            }
        }

        impl $crate::scenario::written::Record for $name {
            fn type_name(&self) -> &'static str {
                stringify!($name)
            }

            #[cfg(feature = "scenario-text")]
            fn meaning(&self) -> &'static [&'static str] {
                &[$($about),+]
            }

            fn fields(&self) -> &'static [$crate::scenario::written::Field] {
                let chosen = $crate::scenario::written::Choice::chosen(self);
                $crate::scenario::written::Choice::variants(self)[chosen].fields
            }

            fn field(&mut self, index: usize) -> $crate::scenario::written::Node<'_> {
                match self {
                    $(Self::$variant { $($field),* } => {
                        let mut fields: [Option<&mut dyn $crate::scenario::written::Written>; _] = [$(Some($field)),*];
                        fields[index].take().expect("an index of this variant's fields").node()
                    })+
                }
            }

            fn has_default(&self, index: usize) -> bool {
                match self {
                    $(Self::$variant { $($field),* } => {
                        let fields: [bool; _] = [$({
                            let default: $type = $default;
                            *$field == default
                        }),*];
                        fields[index]
                    })+
                }
            }
        }

        impl $crate::scenario::written::Choice for $name {
            fn variants(&self) -> &'static [$crate::scenario::written::Variant] {
                &[$($crate::scenario::written::Variant {
                    name: $word,
                    fields: $crate::scenario::written::fields!($($(#[doc = $doc])+ $field: ($($limit)?);)*),
                    #[cfg(feature = "scenario-text")]
                    meaning: &[$($told),+],
                }),+]
            }

            fn chosen(&self) -> usize {
                let is: &[fn(&Self) -> bool] = &[$(|it| matches!(it, Self::$variant { .. })),+];
                is.iter().position(|is| is(self)).expect("one of its variants")
            }

            fn choose(&mut self, index: usize) {
                let makers: &[fn() -> Self] = &[$(|| Self::$variant { $($field: $default),* }),+];
                *self = makers[index]();
            }

            fn as_record(&mut self) -> &mut dyn $crate::scenario::written::Record {
                self
            }
        }
    };
}

/// Gives an enum without fields words in the written forms: one that is declared elsewhere, or one that is declared here,
/// whose default is its first variant.
macro_rules! words {
    ($(#[doc = $about:literal])+ pub enum $name:ident {
        $(#[doc = $first_told:literal])+ $first:ident $first_word:literal
        $($(#[doc = $told:literal])+ $variant:ident $word:literal)+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $(#[doc = $first_told])+
            #[default]
            $first,
            $($(#[doc = $told])+ $variant,)+
        }

        $crate::scenario::written::words! {
            $(#[doc = $about])+
            $name as (stringify!($name)) {
                $(#[doc = $first_told])+ $first $first_word
                $($(#[doc = $told])+ $variant $word)+
            }
        }
    };

    ($(#[doc = $about:literal])+ $name:ty as ($shown:expr) {
        $($(#[doc = $told:literal])+ $variant:ident $word:literal)+
    }) => {
        impl $crate::scenario::written::Written for $name {
            fn node(&mut self) -> $crate::scenario::written::Node<'_> {
                $crate::scenario::written::Node::Choice(self)
            }
        }

        impl $crate::scenario::written::Record for $name {
            fn type_name(&self) -> &'static str {
                $shown
            }

            #[cfg(feature = "scenario-text")]
            fn meaning(&self) -> &'static [&'static str] {
                &[$($about),+]
            }

            fn fields(&self) -> &'static [$crate::scenario::written::Field] {
                &[]
            }

            fn field(&mut self, _: usize) -> $crate::scenario::written::Node<'_> {
                unreachable!("a word has no fields")
            }

            fn has_default(&self, _: usize) -> bool {
                unreachable!("a word has no fields")
            }
        }

        impl $crate::scenario::written::Choice for $name {
            fn variants(&self) -> &'static [$crate::scenario::written::Variant] {
                &[$($crate::scenario::written::Variant {
                    name: $word,
                    fields: &[],
                    #[cfg(feature = "scenario-text")]
                    meaning: &[$($told),+],
                }),+]
            }

            fn chosen(&self) -> usize {
                [$(Self::$variant),+].iter().position(|word| word == self).expect("one of its words")
            }

            fn choose(&mut self, index: usize) {
                *self = [$(Self::$variant),+][index];
            }

            fn as_record(&mut self) -> &mut dyn $crate::scenario::written::Record {
                self
            }
        }
    };
}

pub(in crate::scenario) use {fields, limit, words, written};
