//! A card in software.
