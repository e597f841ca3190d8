//! Interning: one small number for each different string.

use crate::hash::FastMap;
use std::rc::Rc;

/// Stands for one interned string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub u32);

/// Gives out symbols in the order in which strings are first seen.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    symbols: FastMap<Rc<str>, Symbol>,
    names: Vec<Rc<str>>,
}

impl Interner {
    /// The symbol of `name`, new or old.
    pub fn intern(&mut self, name: &str) -> Symbol {
        if let Some(&symbol) = self.symbols.get(name) {
            return symbol;
        }
        let symbol = Symbol(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        let shared: Rc<str> = Rc::from(name);
        self.names.push(Rc::clone(&shared));
        self.symbols.insert(shared, symbol);
        symbol
    }

    /// The string behind a symbol; empty for a symbol of another interner.
    pub fn name(&self, symbol: Symbol) -> &str {
        self.names
            .get(symbol.0 as usize)
            .map_or("", |name| name.as_ref())
    }

    /// How many different strings were seen.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing was interned yet.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_share_a_symbol() {
        let mut interner = Interner::default();
        assert!(interner.is_empty());
        let (a, b) = (interner.intern("oar"), interner.intern("keel"));
        assert_eq!(interner.intern("oar"), a);
        assert_ne!(a, b);
        assert_eq!(interner.name(b), "keel");
        assert_eq!(interner.name(Symbol(99)), "");
        assert_eq!(interner.len(), 2);
    }
}
